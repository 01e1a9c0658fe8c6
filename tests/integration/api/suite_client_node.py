# SPDX-License-Identifier: Apache-2.0
"""Proves that programs that use @kubernetes/client-node (clients/node/scenario.js) list, watch, make, patch, apply and delete, and that
its informer works."""
from clients import find, node_folder, run


def scenario(api, name):
    run([find('node', 'Node.js'), str(node_folder() / 'scenario.js'), str(api.server.folder / 'kubeconfig'), api.ns, name])


def test_objects(api):
    """Services: made, read, listed in pages and by label, replaced, deleted; failures."""
    scenario(api, 'objects')


def test_patches(api):
    """The three patches, a patch of status, apply with a conflict."""
    scenario(api, 'patches')


def test_watch(api):
    """A watch tells of each change."""
    scenario(api, 'watch')


def test_informer(api):
    """An informer has what there is, then follows."""
    scenario(api, 'informer')


def test_objects_by_kind(api):
    """Any object by its kind, found by discovery."""
    scenario(api, 'objects_by_kind')
