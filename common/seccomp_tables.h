// SPDX-License-Identifier: BSD-2-Clause
/*
 * seccomp_tables.h - what more than one of our processes may call.
 *
 * What harms nobody is in here although nothing calls it today: the C library
 * of tomorrow takes another way to the same end, and a process that dies of it
 * is worse than one that may ask for the time.  What is left out is what takes
 * hold of other processes, of the kernel or of the machine: execve, fork,
 * ptrace, process_vm_*, pidfd_getfd, kill (of others), mount, setns, unshare,
 * bpf, perf_event_open, io_uring, userfaultfd, keyctl, modules, kexec, reboot,
 * clock_settime, chroot, mknod, set*id, capset, personality, and sockets but
 * of the families that are named.
 *
 * With sanitizers the tables are wider: LeakSanitizer stops its own process
 * by ptrace.
 */
#ifndef ERSATZ_COMMON_SECCOMP_TABLES_H
#define ERSATZ_COMMON_SECCOMP_TABLES_H

#include "common/seccomp.h"

/* Memory, threads, time, its own signals and limits; waiting for events. */
extern const struct seccomp_table seccomp_base;
/* Opening (for writing too: Landlock and modes say where), reading, looking. */
extern const struct seccomp_table seccomp_files;
/* Making, naming and removing files; asynchronous fsync. */
extern const struct seccomp_table seccomp_files_change;
/*
 * Using sockets, of AF_UNIX and for routing netlink.  Neither listen() nor the
 * options that let a raw socket write its own IP header.
 */
extern const struct seccomp_table seccomp_sockets;
/* TCP and UDP of both families. */
extern const struct seccomp_table seccomp_internet;
/* What a server needs more. */
extern const struct seccomp_table seccomp_listen;

#endif
