// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	corev1apply "k8s.io/client-go/applyconfigurations/core/v1"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/metadata"
	"k8s.io/client-go/restmapper"
)

var slices = schema.GroupVersionResource{Group: "discovery.k8s.io", Version: "v1", Resource: "endpointslices"}

// dynamically finds a kind by discovery and works with its objects as trees, then with their metadata alone.
func dynamically(ctx context.Context, s One) error {
	found, err := restmapper.GetAPIGroupResources(discovery.NewDiscoveryClientForConfigOrDie(s.config))
	if err != nil {
		return fmt.Errorf("discovery: %w", err)
	}
	m, err := restmapper.NewDiscoveryRESTMapper(found).RESTMapping(schema.GroupKind{Group: "discovery.k8s.io", Kind: "EndpointSlice"})
	if err != nil || m.Resource != slices {
		return fmt.Errorf("mapping: %v %w", m, err)
	}
	c := s.dynamic().Resource(m.Resource).Namespace(s.ns)
	obj := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
		"metadata":  map[string]any{"name": "a", "labels": map[string]any{"kubernetes.io/service-name": "web"}},
		"ports":     []any{map[string]any{"name": "http", "port": int64(80)}},
		"endpoints": []any{map[string]any{"addresses": []any{"192.0.2.1"}}},
	}}
	made, err := c.Create(ctx, obj, metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	w, err := c.Watch(ctx, metav1.ListOptions{ResourceVersion: made.GetResourceVersion()})
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	defer w.Stop()
	if _, err = c.Patch(ctx, "a", types.MergePatchType, []byte(`{"endpoints":[{"addresses":["192.0.2.2"]}]}`), metav1.PatchOptions{}); err != nil {
		return fmt.Errorf("patch: %w", err)
	}
	event := <-w.ResultChan()
	tree, _ := event.Object.(*unstructured.Unstructured)
	if tree == nil {
		return fmt.Errorf("event: %+v", event)
	}
	endpoints, _, _ := unstructured.NestedSlice(tree.Object, "endpoints")
	if len(endpoints) != 1 || endpoints[0].(map[string]any)["addresses"].([]any)[0] != "192.0.2.2" {
		return fmt.Errorf("patched: %v", tree.Object)
	}
	part, err := metadata.NewForConfigOrDie(s.config).Resource(slices).Namespace(s.ns).List(ctx, metav1.ListOptions{LabelSelector: "kubernetes.io/service-name=web"})
	if err != nil || len(part.Items) != 1 || part.Items[0].Name != "a" {
		return fmt.Errorf("metadata alone: %+v %w", part, err)
	}
	return c.Delete(ctx, "a", metav1.DeleteOptions{})
}

// applied applies on the server with typed configurations: two managers, a conflict, force, what is left out goes.
func applied(ctx context.Context, s One) error {
	services := s.typed("application/json").CoreV1().Services(s.ns)
	config := func(port int32) *corev1apply.ServiceApplyConfiguration {
		return corev1apply.Service("web", s.ns).WithLabels(map[string]string{"by": "me"}).WithSpec(corev1apply.ServiceSpec().
			WithPorts(corev1apply.ServicePort().WithPort(80).WithName("http").WithProtocol(corev1.ProtocolTCP).WithNodePort(port)).
			WithType(corev1.ServiceTypeNodePort))
	}
	made, err := services.Apply(ctx, config(30100), metav1.ApplyOptions{FieldManager: "one"})
	if err != nil || made.Spec.Ports[0].NodePort != 30100 {
		return fmt.Errorf("apply: %+v %w", made, err)
	}
	_, err = services.Apply(ctx, config(30101), metav1.ApplyOptions{FieldManager: "two"})
	status, _ := err.(apierrors.APIStatus)
	if !apierrors.IsConflict(err) || status.Status().Details.Causes[0].Type != metav1.CauseTypeFieldManagerConflict {
		return fmt.Errorf("a conflict: %v", err)
	}
	if made, err = services.Apply(ctx, config(30101), metav1.ApplyOptions{FieldManager: "two", Force: true}); err != nil || made.Spec.Ports[0].NodePort != 30101 {
		return fmt.Errorf("by force: %+v %w", made, err)
	}
	now, err := corev1apply.ExtractService(made, "two")
	if err != nil || *now.Spec.Ports[0].NodePort != 30101 || now.Labels["by"] != "me" || now.Spec.ClusterIP != nil {
		return fmt.Errorf("extract: %+v %w", now, err)
	}
	for _, manager := range []string{"one", "two"} {
		c := config(30101)
		c.Labels = nil
		if made, err = services.Apply(ctx, c, metav1.ApplyOptions{FieldManager: manager}); err != nil {
			return fmt.Errorf("without the label: %w", err)
		}
	}
	if len(made.Labels) != 0 {
		return fmt.Errorf("a label that nobody applies stays: %v", made.Labels)
	}
	made, err = services.ApplyStatus(ctx, corev1apply.Service("web", s.ns).WithStatus(corev1apply.ServiceStatus().
		WithLoadBalancer(corev1apply.LoadBalancerStatus())), metav1.ApplyOptions{FieldManager: "three"})
	if err != nil {
		return fmt.Errorf("apply of status: %w", err)
	}
	return services.Delete(ctx, "web", metav1.DeleteOptions{})
}
