# SPDX-License-Identifier: BSD-2-Clause
"""Fixtures: a network of its own for each test, and Ersatz on its laptop."""
import os

import pytest
import topology


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs root"))


def pytest_runtest_setup():
    topology.Machine.last_words.clear()


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item):
    """A test that fails shows what its machines' programs logged."""
    report = (yield).get_result()
    if report.failed:
        item.has_failed = True  # for beside.lasting()
        for machine in topology.Machine.living:
            report.sections.extend(machine.log_ends())
        report.sections.extend(topology.Machine.last_words)


@pytest.fixture
def net():
    network = topology.Network()
    yield network
    network.close()


@pytest.fixture
def site(net):
    """The folder that nginx serves at the site."""
    return net.start_site()


@pytest.fixture
def ersatz(net, site):
    """Both daemons on the laptop, a SOCKS server at the proxy.

    When the test is over, the state of the laptop equals the one before.
    """
    net.start_microsocks()
    daemons = topology.Ersatz(net.laptop).up()
    yield daemons
    daemons.down()
