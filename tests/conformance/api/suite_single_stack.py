# SPDX-License-Identifier: Apache-2.0
"""IP families of Services on a cluster of one family (service-api.md section 6).

A stock server for these needs --service-cluster-ip-range 10.96.0.0/16.
"""
from api import proves
from suite_families import causes, families, made, make, refused

OPTIONS = ['--service-cluster-ip-range', '10.96.0.0/16']
__all__ = ['causes']


@proves('6.3', '6.12')
def test_prefer_dual_stack_takes_what_there_is(api):
    assert families(made(api, ipFamilyPolicy='PreferDualStack')) == ('PreferDualStack', ['IPv4'], 1)
    assert families(made(api)) == ('SingleStack', ['IPv4'], 1)


@proves('6.10')
def test_two_families_cannot_be_required(api):
    refused(make(api, ipFamilyPolicy='RequireDualStack'),
            ('spec.ipFamilyPolicy', 'this cluster is not configured for dual-stack services'))


@proves('6.11')
def test_a_family_that_is_not_there(api):
    refused(make(api, ipFamilies=['IPv6']), ('spec.ipFamilies[0]', 'not configured on this cluster'))
    refused(make(api, ipFamilies=['IPv4', 'IPv6'], ipFamilyPolicy='RequireDualStack'),
            ('spec.ipFamilyPolicy', 'this cluster is not configured for dual-stack services'),
            ('spec.ipFamilies[1]', 'not configured on this cluster'))


@proves('6.8')
def test_an_address_of_a_family_that_is_not_there(api):
    refused(make(api, clusterIP='fd00:96::1'), ('spec.clusterIPs[0]', 'IPv6 is not configured on this cluster'))


@proves('6.9')
def test_headless_without_selector_has_both_all_the_same(api):
    assert families(made(api, clusterIP='None')) == ('RequireDualStack', ['IPv4', 'IPv6'], 1)
    assert families(made(api, clusterIP='None', ipFamilies=['IPv6'])) == ('RequireDualStack', ['IPv6', 'IPv4'], 1)
    assert families(made(api, clusterIP='None', ipFamilyPolicy='SingleStack')) == ('SingleStack', ['IPv4'], 1)
    refused(make(api, clusterIP='None', selector={'a': 'b'}, ipFamilyPolicy='RequireDualStack'),
            ('spec.ipFamilyPolicy', 'this cluster is not configured for dual-stack services'))
