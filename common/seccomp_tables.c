// SPDX-License-Identifier: BSD-2-Clause
#include "common/seccomp_tables.h"

#include <linux/netlink.h>
#include <linux/sched.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>

#ifdef __SANITIZE_ADDRESS__
/* Leaks are looked for by a thread that stops all others, and reads /proc. */
#define SANITIZER                                                             \
	" clone ptrace wait4 waitid process_vm_readv kill tgkill prctl ioctl" \
	" personality"
#else
#define SANITIZER ""
#endif

/* The first argument of clone() is another one on s390. */
#ifdef __s390__
#define CLONE_FLAGS 1
#else
#define CLONE_FLAGS 0
#endif

/* The type of a socket, without SOCK_CLOEXEC and SOCK_NONBLOCK. */
#define TYPE 0xfU

#define INT_IS(number_, value_)                                             \
	{                                                                   \
		.number = (number_), .mask = SECCOMP_INT, .value = (value_) \
	}

static const struct seccomp_form base_forms[] = {
	/* A thread; never a process. */
	{"clone", {{CLONE_FLAGS, CLONE_THREAD, CLONE_THREAD}}},
	/* abort(), raise() and pthread_kill(). */
	{"kill", {INT_IS(0, SECCOMP_OWN_PID)}},
	{"tgkill", {INT_IS(0, SECCOMP_OWN_PID)}},
	{"prlimit64", {INT_IS(0, 0)}},
	{"prctl", {INT_IS(0, PR_SET_NAME)}},
	{"prctl", {INT_IS(0, PR_GET_NAME)}},
	{"prctl", {INT_IS(0, PR_SET_PDEATHSIG)}},
	{"prctl", {INT_IS(0, PR_GET_PDEATHSIG)}},
	{"prctl", {INT_IS(0, PR_GET_DUMPABLE)}},
	{"prctl", {INT_IS(0, PR_SET_NO_NEW_PRIVS)}},
	{"prctl", {INT_IS(0, PR_GET_NO_NEW_PRIVS)}},
	{"prctl", {INT_IS(0, PR_SET_SECCOMP)}},
	{"prctl", {INT_IS(0, PR_GET_SECCOMP)}},
	{"prctl", {INT_IS(0, PR_CAPBSET_READ)}},
	{"prctl", {INT_IS(0, PR_CAP_AMBIENT)}},
	{"prctl", {INT_IS(0, PR_GET_SECUREBITS)}},
	{"prctl", {INT_IS(0, PR_GET_KEEPCAPS)}},
	{"prctl", {INT_IS(0, PR_GET_TIMERSLACK)}},
	{"prctl", {INT_IS(0, PR_SET_TIMERSLACK)}},
	{"prctl", {INT_IS(0, PR_GET_SPECULATION_CTRL)}},
	{"prctl", {INT_IS(0, PR_GET_TAGGED_ADDR_CTRL)}},
	{"prctl", {INT_IS(0, PR_SET_VMA)}}, /* names of memory */
	/* What stdio, isatty() and libraries ask of a descriptor. */
	{"ioctl", {INT_IS(1, TCGETS)}},
	{"ioctl", {INT_IS(1, TIOCGWINSZ)}},
	{"ioctl", {INT_IS(1, FIONREAD)}},
	{"ioctl", {INT_IS(1, FIONBIO)}},
	{"ioctl", {INT_IS(1, FIOCLEX)}},
	{"ioctl", {INT_IS(1, FIONCLEX)}},
};

const struct seccomp_table seccomp_base = {
	/* memory */
	"brk mmap mmap2 munmap mprotect mremap madvise mincore msync mlock "
	"mlock2 munlock membarrier mseal pkey_alloc pkey_free pkey_mprotect "
	"map_shadow_stack "
	/* threads */
	"futex futex_time64 futex_waitv futex_wait futex_wake futex_requeue "
	"rseq set_robust_list get_robust_list set_tid_address arch_prctl "
	"set_tls gettid sched_yield sched_getaffinity sched_setaffinity "
	"sched_getscheduler sched_setscheduler sched_getparam sched_getattr "
	"sched_get_priority_max sched_get_priority_min getcpu getpriority "
	"setpriority exit exit_group restart_syscall "
	/* signals */
	"rt_sigaction rt_sigprocmask rt_sigreturn sigreturn rt_sigpending "
	"rt_sigsuspend rt_sigtimedwait rt_sigtimedwait_time64 sigaltstack "
	"pause alarm getitimer setitimer signalfd signalfd4 "
	/* time */
	"clock_gettime clock_gettime64 clock_getres clock_getres_time64 "
	"clock_nanosleep clock_nanosleep_time64 nanosleep gettimeofday time "
	"times timerfd_create timerfd_settime timerfd_settime64 "
	"timerfd_gettime timerfd_gettime64 "
	/* who and where we are */
	"getpid getppid getpgrp getpgid getsid getuid geteuid getgid getegid "
	"getresuid getresgid getgroups getuid32 geteuid32 getgid32 getegid32 "
	"getresuid32 getresgid32 getgroups32 capget uname sysinfo getrlimit "
	"ugetrlimit setrlimit getrusage umask ioprio_get getrandom "
	/* events */
	"epoll_create epoll_create1 epoll_ctl epoll_wait epoll_pwait "
	"epoll_pwait2 poll ppoll ppoll_time64 select _newselect pselect6 "
	"pselect6_time64 eventfd eventfd2 "
	/* descriptors */
	"read readv pread64 preadv preadv2 write writev pwrite64 pwritev "
	"pwritev2 close close_range dup dup2 dup3 fcntl fcntl64 pipe pipe2 "
	"splice tee vmsplice sendfile sendfile64 copy_file_range lseek _llseek "
	"memfd_create "
	/* less than now is always allowed */
	"seccomp landlock_create_ruleset landlock_add_rule "
	"landlock_restrict_self" SANITIZER,
	base_forms,
	ARRAY_LEN(base_forms),
};

const struct seccomp_table seccomp_files = {
	"open openat openat2 access faccessat faccessat2 stat stat64 fstat "
	"fstat64 lstat lstat64 newfstatat fstatat64 statx statfs statfs64 "
	"fstatfs fstatfs64 readlink readlinkat getcwd getdents getdents64 "
	"getxattr lgetxattr fgetxattr listxattr llistxattr flistxattr "
	"fadvise64 fadvise64_64 readahead name_to_handle_at inotify_init "
	"inotify_init1 inotify_add_watch inotify_rm_watch flock",
	NULL,
	0,
};

const struct seccomp_table seccomp_files_change = {
	"creat ftruncate ftruncate64 truncate truncate64 fallocate fsync "
	"fdatasync sync_file_range sync_file_range2 syncfs rename renameat "
	"renameat2 unlink unlinkat mkdir mkdirat rmdir link linkat symlink "
	"symlinkat chmod fchmod fchmodat fchmodat2 chown chown32 fchown "
	"fchown32 lchown lchown32 fchownat utime utimes utimensat "
	"utimensat_time64 futimesat io_setup io_submit io_getevents "
	"io_pgetevents io_cancel io_destroy",
	NULL,
	0,
};

/*
 * All options but IP_HDRINCL and IPV6_HDRINCL, with which a raw socket could
 * forge the source of a packet; those of routers, and of filters.
 */
static const struct seccomp_form socket_forms[] = {
	{"socket", {INT_IS(0, AF_UNIX)}},
	{"socketpair", {INT_IS(0, AF_UNIX)}},
	{"socket", {INT_IS(0, AF_NETLINK), INT_IS(2, NETLINK_ROUTE)}},
	{"setsockopt", {INT_IS(1, SOL_SOCKET)}},
	{"setsockopt", {INT_IS(1, IPPROTO_TCP)}},
	{"setsockopt", {INT_IS(1, IPPROTO_UDP)}},
	{"setsockopt", {INT_IS(1, SOL_NETLINK)}},
	{"setsockopt", {INT_IS(1, SOL_TLS)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_TOS)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_TTL)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_PKTINFO)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_MTU_DISCOVER)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_RECVERR)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_RECVTTL)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_RECVTOS)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_FREEBIND)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_RECVORIGDSTADDR)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_RECVFRAGSIZE)}},
	{"setsockopt", {INT_IS(1, SOL_IP), INT_IS(2, IP_BIND_ADDRESS_NO_PORT)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_UNICAST_HOPS)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_MTU_DISCOVER)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_MTU)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_RECVERR)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_V6ONLY)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_RECVPKTINFO)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_RECVHOPLIMIT)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_RECVTCLASS)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_TCLASS)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_DONTFRAG)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_AUTOFLOWLABEL)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_RECVPATHMTU)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_FREEBIND)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_RECVORIGDSTADDR)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_RECVFRAGSIZE)}},
	{"setsockopt", {INT_IS(1, SOL_IPV6), INT_IS(2, IPV6_ADDR_PREFERENCES)}},
	/* Names and numbers of links, and what waits in a socket. */
	{"ioctl", {INT_IS(1, SIOCGIFINDEX)}},
	{"ioctl", {INT_IS(1, SIOCGIFNAME)}},
	{"ioctl", {INT_IS(1, SIOCGIFFLAGS)}},
	{"ioctl", {INT_IS(1, SIOCGIFADDR)}},
	{"ioctl", {INT_IS(1, SIOCGIFMTU)}},
	{"ioctl", {INT_IS(1, SIOCGIFHWADDR)}},
	{"ioctl", {INT_IS(1, SIOCGIFCONF)}},
	{"ioctl", {INT_IS(1, SIOCOUTQ)}},
	{"ioctl", {INT_IS(1, SIOCOUTQNSD)}},
	{"ioctl", {INT_IS(1, SIOCATMARK)}},
};

/* bind() is how netlink sockets get their number, and UDP a port. */
const struct seccomp_table seccomp_sockets = {
	"connect bind accept accept4 getsockname getpeername getsockopt sendto "
	"recvfrom send recv sendmsg recvmsg sendmmsg recvmmsg recvmmsg_time64 "
	"shutdown",
	socket_forms,
	ARRAY_LEN(socket_forms),
};

static const struct seccomp_form internet_forms[] = {
	{"socket", {INT_IS(0, AF_INET), {1, TYPE, SOCK_STREAM}}},
	{"socket", {INT_IS(0, AF_INET), {1, TYPE, SOCK_DGRAM}}},
	{"socket", {INT_IS(0, AF_INET6), {1, TYPE, SOCK_STREAM}}},
	{"socket", {INT_IS(0, AF_INET6), {1, TYPE, SOCK_DGRAM}}},
};

const struct seccomp_table seccomp_internet = {
	"",
	internet_forms,
	ARRAY_LEN(internet_forms),
};

const struct seccomp_table seccomp_listen = {"listen", NULL, 0};
