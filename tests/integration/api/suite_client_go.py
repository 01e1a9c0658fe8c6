# SPDX-License-Identifier: Apache-2.0
"""Proves that programs that use client-go (clients/go/scenario) list, watch, make, change, apply and delete, and that informers and
leader election work."""
from api import ours
from clients import go_program, run


def scenario(api, name, **env):
    run([go_program('scenario'), str(api.server.folder / 'kubeconfig'), api.ns, name], **env)


def test_typed_json(api):
    """The typed clients, in JSON."""
    scenario(api, 'typed-json')


def test_typed_protobuf(api):
    """The typed clients, in protobuf."""
    scenario(api, 'typed-protobuf')


def test_dynamic(api):
    """Discovery, the dynamic client, metadata alone."""
    scenario(api, 'dynamic')


def test_apply(api):
    """Server-side apply with typed configurations: a conflict, force, what is left out."""
    scenario(api, 'apply')


def test_informer_by_watch_list(api):
    """An informer that begins with a watch which sends what there is; of some objects, too."""
    scenario(api, 'informer', KUBE_FEATURE_WatchListClient='true')
    scenario(api, 'informer-labels', KUBE_FEATURE_WatchListClient='true')


def test_informer_by_list(api):
    """An informer that begins with a list in pages; of some objects, too."""
    scenario(api, 'informer', KUBE_FEATURE_WatchListClient='false')
    scenario(api, 'informer-labels', KUBE_FEATURE_WatchListClient='false')


def test_leader_election(api):
    """Of two candidates one leads, and when it lets go the other."""
    scenario(api, 'leader-election')


@ours('a stock server alone has no controllers')
def test_workloads(api):
    """A Deployment, its scale, and its end with all that it owns."""
    scenario(api, 'workloads')
