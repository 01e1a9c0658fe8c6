// SPDX-License-Identifier: Apache-2.0
// Scenarios of @kubernetes/client-node against an API server: node scenario.js KUBECONFIG NAMESPACE NAME runs one of them.
import assert from 'node:assert/strict';
import * as k8s from '@kubernetes/client-node';

const DEADLINE_MS = 40000;
const [file, namespace, name] = process.argv.slice(2);
const config = new k8s.KubeConfig();
config.loadFromFile(file);
const core = config.makeApiClient(k8s.CoreV1Api);
const path = `/api/v1/namespaces/${namespace}/services`;

const service = (name, labels) => ({
  metadata: { name, labels },
  spec: { selector: { app: name }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
});

const patch = (name, body, kind, more) =>
  core.patchNamespacedService({ name, namespace, body, ...more }, k8s.setHeaderOptions('Content-Type', kind));

// A failure with that code, as the client tells it.
const fails = (code, reason, call) =>
  assert.rejects(call, (e) => e.code === code && (typeof e.body === 'string' ? JSON.parse(e.body) : e.body).reason === reason);

async function until(what, is) {
  for (const end = Date.now() + DEADLINE_MS; !is();) {
    assert(Date.now() < end, `waited in vain for ${what}`);
    await new Promise((go) => setTimeout(go, 20));
  }
}

const scenarios = {
  // Services are made, read, listed in pages and by label, replaced and deleted; failures are told.
  async objects() {
    const made = await core.createNamespacedService({ namespace, body: service('web', { tier: 'front' }) });
    assert(made.spec.clusterIP && made.metadata.uid && made.metadata.creationTimestamp instanceof Date);
    assert.equal(made.spec.ports[0].targetPort, 'web');
    await fails(409, 'AlreadyExists', core.createNamespacedService({ namespace, body: service('web') }));
    await fails(422, 'Invalid', core.createNamespacedService({ namespace, body: service('Not_A_Name') }));
    await fails(404, 'NotFound', core.readNamespacedService({ namespace, name: 'none' }));
    for (let i = 0; i < 7; i++) await core.createNamespacedService({ namespace, body: service(`page-${i}`, { tier: 'page' }) });
    const names = [];
    let _continue;
    do {
      const page = await core.listNamespacedService({ namespace, labelSelector: 'tier=page', limit: 3, _continue });
      names.push(...page.items.map((s) => s.metadata.name));
      _continue = page.metadata._continue;
    } while (_continue);
    assert.deepEqual(names, [0, 1, 2, 3, 4, 5, 6].map((i) => `page-${i}`));
    const now = await core.readNamespacedService({ namespace, name: 'web' });
    now.spec.type = 'NodePort';
    const replaced = await core.replaceNamespacedService({ namespace, name: 'web', body: now });
    assert(replaced.spec.ports[0].nodePort >= 30000);
    await fails(409, 'Conflict', core.replaceNamespacedService({ namespace, name: 'web', body: now }));
    await core.deleteCollectionNamespacedService({ namespace, labelSelector: 'tier=page' });
    await core.deleteNamespacedService({ namespace, name: 'web' });
    assert.equal((await core.listNamespacedService({ namespace })).items.length, 0);
  },

  // The three patches, a patch of status, and apply with a conflict.
  async patches() {
    await core.createNamespacedService({ namespace, body: service('web', { tier: 'front' }) });
    let now = await patch('web', { spec: { ports: [{ port: 443, name: 'https' }] } }, k8s.PatchStrategy.StrategicMergePatch);
    assert.deepEqual(now.spec.ports.map((p) => p.port).sort(), [443, 80]);
    now = await patch('web', { metadata: { labels: { tier: null, x: 'y' } } }, k8s.PatchStrategy.MergePatch);
    assert.deepEqual(now.metadata.labels, { x: 'y' });
    now = await patch('web', [{ op: 'test', path: '/metadata/labels/x', value: 'y' }, { op: 'replace', path: '/metadata/labels/x', value: 'z' }],
      k8s.PatchStrategy.JsonPatch);
    assert.deepEqual(now.metadata.labels, { x: 'z' });
    await fails(422, 'Invalid', patch('web', [{ op: 'test', path: '/metadata/labels/x', value: 'y' }], k8s.PatchStrategy.JsonPatch));
    await patch('web', { spec: { type: 'LoadBalancer' } }, k8s.PatchStrategy.MergePatch);
    now = await core.patchNamespacedServiceStatus({ namespace, name: 'web', body: { status: { loadBalancer: { ingress: [{ ip: '192.0.2.7' }] } } } },
      k8s.setHeaderOptions('Content-Type', k8s.PatchStrategy.MergePatch));
    assert.equal(now.status.loadBalancer.ingress[0].ipMode, 'VIP');
    const applied = (port) => ({ apiVersion: 'v1', kind: 'Service', metadata: { name: 'applied' }, spec: { ports: [{ port: 80, targetPort: port }] } });
    const apply = (port, fieldManager, force) => patch('applied', applied(port), k8s.PatchStrategy.ServerSideApply, { fieldManager, force });
    assert.equal((await apply(8080, 'one')).spec.ports[0].targetPort, 8080);
    await fails(409, 'Conflict', apply(9090, 'two'));
    now = await apply(9090, 'two', true);
    assert.equal(now.spec.ports[0].targetPort, 9090);
    assert.deepEqual(now.metadata.managedFields.map((f) => `${f.manager} ${f.operation}`).sort(), ['one Apply', 'two Apply']);
  },

  // A watch tells of each change; it is ended by the client.
  async watch() {
    const seen = [];
    const { metadata } = await core.listNamespacedService({ namespace });
    const abort = await new k8s.Watch(config).watch(path, { resourceVersion: metadata.resourceVersion }, (type, obj) => seen.push(`${type} ${obj.metadata.name}`),
      () => {});
    await core.createNamespacedService({ namespace, body: service('web') });
    await patch('web', { metadata: { labels: { x: 'y' } } }, k8s.PatchStrategy.MergePatch);
    await core.deleteNamespacedService({ namespace, name: 'web' });
    await until('three events', () => seen.length === 3);
    assert.deepEqual(seen, ['ADDED web', 'MODIFIED web', 'DELETED web']);
    abort.abort();
  },

  // An informer has what there is, then follows.
  async informer() {
    for (let i = 0; i < 5; i++) await core.createNamespacedService({ namespace, body: service(`s-${i}`, { tier: 'page' }) });
    const seen = { add: 0, update: 0, delete: 0 };
    const informer = k8s.makeInformer(config, path, () => core.listNamespacedService({ namespace }));
    for (const event of Object.keys(seen)) informer.on(event, () => seen[event]++);
    informer.on('error', (e) => { throw e; });
    await informer.start();
    await until('those that were there', () => seen.add === 5);
    await core.createNamespacedService({ namespace, body: service('later') });
    await until('one more', () => seen.add === 6 && informer.get('later', namespace));
    await patch('s-3', { metadata: { labels: { x: 'y' } } }, k8s.PatchStrategy.MergePatch);
    await until('a change', () => informer.get('s-3', namespace).metadata.labels.x === 'y');
    await core.deleteCollectionNamespacedService({ namespace });
    await until('the end of all', () => seen.delete === 6 && informer.list(namespace).length === 0);
    await informer.stop();
  },

  // Any object by its kind, found by discovery.
  async objects_by_kind() {
    const any = k8s.KubernetesObjectApi.makeApiClient(config);
    const slice = { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice', metadata: { name: 'a', namespace }, addressType: 'IPv4',
      endpoints: [{ addresses: ['192.0.2.1'] }], ports: [{ name: 'http', port: 80 }] };
    await any.create(slice);
    assert.deepEqual((await any.read(slice)).endpoints[0].addresses, ['192.0.2.1']);
    assert.equal((await any.list('discovery.k8s.io/v1', 'EndpointSlice', namespace)).items.length, 1);
    await any.patch({ ...slice, endpoints: [{ addresses: ['192.0.2.2'] }] }, undefined, undefined, undefined, undefined, k8s.PatchStrategy.MergePatch);
    assert.deepEqual((await any.read(slice)).endpoints[0].addresses, ['192.0.2.2']);
    await any.delete(slice);
    await fails(404, 'NotFound', any.read(slice));
  },
};

try {
  await scenarios[name]();
  process.exit(0);
} catch (e) {
  console.error(e);
  process.exit(1);
}
