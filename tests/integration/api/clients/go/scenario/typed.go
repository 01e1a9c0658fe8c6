// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"

	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/apimachinery/pkg/util/intstr"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/kubernetes"
)

func service(name string, labels map[string]string) *corev1.Service {
	return &corev1.Service{
		ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels},
		Spec: corev1.ServiceSpec{
			Selector: map[string]string{"app": name},
			Ports:    []corev1.ServicePort{{Name: "http", Port: 80, TargetPort: intstr.FromString("web")}},
		},
	}
}

// typed makes, reads, lists, watches, changes in each way and deletes Services, as structs.
func typed(ctx context.Context, c kubernetes.Interface, ns string) error {
	services := c.CoreV1().Services(ns)
	made, err := services.Create(ctx, service("web", map[string]string{"tier": "front"}), metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	if err := want(made.Spec.ClusterIP != "" && made.UID != "" && made.Spec.Ports[0].TargetPort.StrVal == "web" &&
		*made.Spec.InternalTrafficPolicy == corev1.ServiceInternalTrafficPolicyCluster, "made: %+v", made); err != nil {
		return err
	}
	if _, err = services.Create(ctx, service("web", nil), metav1.CreateOptions{}); !apierrors.IsAlreadyExists(err) {
		return fmt.Errorf("a name that is taken: %v", err)
	}
	bad := service("bad", nil)
	bad.Spec.Ports[0].Port = 70000
	_, err = services.Create(ctx, bad, metav1.CreateOptions{})
	status, _ := err.(apierrors.APIStatus)
	if !apierrors.IsInvalid(err) || status.Status().Details.Causes[0].Field != "spec.ports[0].port" {
		return fmt.Errorf("a bad port: %v", err)
	}
	if _, err = services.Get(ctx, "none", metav1.GetOptions{}); !apierrors.IsNotFound(err) {
		return fmt.Errorf("get of none: %v", err)
	}
	if err := listed(ctx, c, ns); err != nil {
		return err
	}
	return changed(ctx, c, ns, made)
}

// deleteAll is what the typed client of Services has no function for.
func deleteAll(ctx context.Context, c kubernetes.Interface, ns, selector string) error {
	return c.CoreV1().RESTClient().Delete().Namespace(ns).Resource("services").Param("labelSelector", selector).
		Body(&metav1.DeleteOptions{}).Do(ctx).Error()
}

func listed(ctx context.Context, c kubernetes.Interface, ns string) error {
	services := c.CoreV1().Services(ns)
	for i := range 7 {
		if _, err := services.Create(ctx, service(fmt.Sprintf("page-%d", i), map[string]string{"tier": "page"}), metav1.CreateOptions{}); err != nil {
			return fmt.Errorf("create: %w", err)
		}
	}
	names, options := []string{}, metav1.ListOptions{Limit: 3, LabelSelector: "tier=page"}
	for {
		page, err := services.List(ctx, options)
		if err != nil {
			return fmt.Errorf("list: %w", err)
		}
		for _, s := range page.Items {
			names = append(names, s.Name)
		}
		if options.Continue = page.Continue; options.Continue == "" {
			break
		}
	}
	if len(names) != 7 || names[0] != "page-0" || names[6] != "page-6" {
		return fmt.Errorf("pages: %v", names)
	}
	if err := deleteAll(ctx, c, ns, "tier=page"); err != nil {
		return fmt.Errorf("deletecollection: %w", err)
	}
	left, err := services.List(ctx, metav1.ListOptions{})
	if err != nil || len(left.Items) != 1 {
		return fmt.Errorf("left after deletecollection: %v %w", left, err)
	}
	return nil
}

// changed watches one Service while it is changed by each kind of write, until it is gone.
func changed(ctx context.Context, c kubernetes.Interface, ns string, made *corev1.Service) error {
	services := c.CoreV1().Services(ns)
	w, err := services.Watch(ctx, metav1.ListOptions{ResourceVersion: made.ResourceVersion, FieldSelector: "metadata.name=web"})
	if err != nil {
		return fmt.Errorf("watch: %w", err)
	}
	defer w.Stop()
	patches := []struct {
		kind types.PatchType
		text string
	}{
		{types.StrategicMergePatchType, `{"spec":{"ports":[{"port":80,"targetPort":8080},{"port":443,"name":"https"}]}}`},
		{types.MergePatchType, `{"metadata":{"labels":{"tier":null,"x":"y"}}}`},
		{types.JSONPatchType, `[{"op":"test","path":"/metadata/labels/x","value":"y"},{"op":"remove","path":"/spec/ports/1"}]`},
	}
	for _, p := range patches {
		if _, err := services.Patch(ctx, "web", p.kind, []byte(p.text), metav1.PatchOptions{}); err != nil {
			return fmt.Errorf("patch %s: %w", p.kind, err)
		}
	}
	made.Spec.Type = corev1.ServiceTypeLoadBalancer
	if _, err := services.Update(ctx, made, metav1.UpdateOptions{}); !apierrors.IsConflict(err) {
		return fmt.Errorf("update of what has changed: %v", err)
	}
	now, err := services.Get(ctx, "web", metav1.GetOptions{})
	if err != nil {
		return err
	}
	if err := want(len(now.Spec.Ports) == 1 && now.Spec.Ports[0].Name == "http" && now.Spec.Ports[0].TargetPort.IntVal == 8080 &&
		now.Labels["x"] == "y" && now.Labels["tier"] == "", "patched: %+v", now); err != nil {
		return err
	}
	now.Spec.Type = corev1.ServiceTypeLoadBalancer
	if now, err = services.Update(ctx, now, metav1.UpdateOptions{}); err != nil || now.Spec.Ports[0].NodePort == 0 {
		return fmt.Errorf("update: %+v %w", now, err)
	}
	now.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{{IP: "192.0.2.7"}}
	if now, err = services.UpdateStatus(ctx, now, metav1.UpdateOptions{}); err != nil || *now.Status.LoadBalancer.Ingress[0].IPMode != corev1.LoadBalancerIPModeVIP {
		return fmt.Errorf("update of status: %+v %w", now, err)
	}
	other := types.UID("00000000-0000-0000-0000-000000000001")
	if err := services.Delete(ctx, "web", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &other}}); !apierrors.IsConflict(err) {
		return fmt.Errorf("delete of another uid: %v", err)
	}
	if err := services.Delete(ctx, "web", metav1.DeleteOptions{DryRun: []string{metav1.DryRunAll}}); err != nil {
		return fmt.Errorf("dry run of delete: %w", err)
	}
	if err := services.Delete(ctx, "web", metav1.DeleteOptions{Preconditions: &metav1.Preconditions{UID: &now.UID}}); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	for i := range 6 {
		event, open := <-w.ResultChan()
		kind := watch.Modified
		if i == 5 {
			kind = watch.Deleted
		}
		if !open || event.Type != kind || event.Object.(*corev1.Service).Name != "web" {
			return fmt.Errorf("event %d: %v of %v", i, event.Type, event.Object)
		}
	}
	return nil
}
