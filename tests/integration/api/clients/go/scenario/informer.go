// SPDX-License-Identifier: Apache-2.0
package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv1 "k8s.io/api/autoscaling/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/informers"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/cache"
	"k8s.io/client-go/tools/leaderelection"
	"k8s.io/client-go/tools/leaderelection/resourcelock"
)

// Counts of what handlers were told.
type counts struct {
	sync.Mutex
	added, updated, deleted int
}

func (c *counts) handler() cache.ResourceEventHandler {
	count := func(n *int) {
		c.Lock()
		*n++
		c.Unlock()
	}
	return cache.ResourceEventHandlerFuncs{
		AddFunc:    func(any) { count(&c.added) },
		UpdateFunc: func(any, any) { count(&c.updated) },
		DeleteFunc: func(any) { count(&c.deleted) },
	}
}

func (c *counts) are(added, updated, deleted int) func() (bool, error) {
	return func() (bool, error) {
		c.Lock()
		defer c.Unlock()
		return c.added == added && c.updated == updated && c.deleted == deleted, nil
	}
}

// informed: an informer's cache has what there is, then follows. KUBE_FEATURE_WatchListClient says how it begins.
func informed(ctx context.Context, s One) error {
	return inform(ctx, s, "")
}

// informedOfSome: an object that the selector does not choose any more is deleted for the informer.
func informedOfSome(ctx context.Context, s One) error {
	return inform(ctx, s, "tier=page")
}

func inform(ctx context.Context, s One, selector string) error {
	for _, kind := range []string{"application/json", "application/vnd.kubernetes.protobuf"} {
		if err := follow(ctx, s.typed(kind), s.ns, selector); err != nil {
			return fmt.Errorf("%s: %w", kind, err)
		}
	}
	return nil
}

func follow(ctx context.Context, c kubernetes.Interface, ns, selector string) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	services := c.CoreV1().Services(ns)
	make := func(from, to int) error {
		for i := from; i < to; i++ {
			if _, err := services.Create(ctx, service(fmt.Sprintf("s-%d", i), map[string]string{"tier": "page"}), metav1.CreateOptions{}); err != nil {
				return err
			}
		}
		return nil
	}
	if err := make(0, 10); err != nil {
		return err
	}
	factory := informers.NewSharedInformerFactoryWithOptions(c, 0, informers.WithNamespace(ns),
		informers.WithTweakListOptions(func(o *metav1.ListOptions) { o.LabelSelector = selector }))
	informer, lister, seen := factory.Core().V1().Services().Informer(), factory.Core().V1().Services().Lister(), &counts{}
	if _, err := informer.AddEventHandler(seen.handler()); err != nil {
		return err
	}
	factory.Start(ctx.Done())
	for kind, synced := range factory.WaitForCacheSync(ctx.Done()) {
		if !synced {
			return fmt.Errorf("%v did not sync", kind)
		}
	}
	if err := until(ctx, "ten that were there", seen.are(10, 0, 0)); err != nil {
		return err
	}
	if err := make(10, 20); err != nil {
		return err
	}
	if _, err := services.Patch(ctx, "s-3", types.MergePatchType, []byte(`{"metadata":{"labels":{"x":"y"}}}`), metav1.PatchOptions{}); err != nil {
		return err
	}
	if err := until(ctx, "ten more and a change", seen.are(20, 1, 0)); err != nil {
		return err
	}
	if _, err := services.Patch(ctx, "s-4", types.MergePatchType, []byte(`{"metadata":{"labels":{"tier":"other"}}}`), metav1.PatchOptions{}); err != nil {
		return err
	}
	gone := 0
	if selector != "" {
		gone = 1
	}
	if err := until(ctx, "a change of the label that selects", seen.are(20, 2-gone, gone)); err != nil {
		return err
	}
	found, err := lister.Services(ns).List(labels.SelectorFromSet(labels.Set{"x": "y"}))
	if err != nil || len(found) != 1 || found[0].Name != "s-3" || found[0].Spec.ClusterIP == "" {
		return fmt.Errorf("lister: %+v %w", found, err)
	}
	if err := deleteAll(ctx, c, ns, ""); err != nil {
		return err
	}
	if err := until(ctx, "the end of all", seen.are(20, 2-gone, 20)); err != nil {
		return err
	}
	if left := informer.GetStore().ListKeys(); len(left) != 0 {
		return fmt.Errorf("left in the cache: %v", left)
	}
	return nil
}

// elected: of two candidates one leads; when it lets go, the other does.
func elected(ctx context.Context, s One) error {
	c := s.typed("application/json")
	leads := make(chan string, 2)
	run := func(name string) context.CancelFunc {
		ctx, cancel := context.WithCancel(ctx)
		go leaderelection.RunOrDie(ctx, leaderelection.LeaderElectionConfig{
			Lock: &resourcelock.LeaseLock{LeaseMeta: metav1.ObjectMeta{Name: "leader", Namespace: s.ns}, Client: c.CoordinationV1(),
				LockConfig: resourcelock.ResourceLockConfig{Identity: name}},
			LeaseDuration: 15 * time.Second, RenewDeadline: 10 * time.Second, RetryPeriod: 100 * time.Millisecond, ReleaseOnCancel: true,
			Callbacks: leaderelection.LeaderCallbacks{OnStartedLeading: func(context.Context) { leads <- name }, OnStoppedLeading: func() {}},
		})
		return cancel
	}
	next := func(name string) error {
		select {
		case got := <-leads:
			return want(got == name, "%s leads, not %s", got, name)
		case <-ctx.Done():
			return fmt.Errorf("%s does not lead", name)
		}
	}
	stop := run("one")
	if err := next("one"); err != nil {
		return err
	}
	defer run("two")()
	time.Sleep(time.Second)
	if len(leads) != 0 {
		return fmt.Errorf("two lead")
	}
	stop()
	if err := next("two"); err != nil {
		return err
	}
	lease, err := c.CoordinationV1().Leases(s.ns).Get(ctx, "leader", metav1.GetOptions{})
	if err != nil || *lease.Spec.HolderIdentity != "two" || *lease.Spec.LeaseTransitions < 1 {
		return fmt.Errorf("lease: %+v %w", lease, err)
	}
	return nil
}

// workloads: a Deployment gets its Pods, is scaled through its subresource, and takes all with it.
func workloads(ctx context.Context, s One) error {
	c := s.typed("application/vnd.kubernetes.protobuf")
	deployments, app := c.AppsV1().Deployments(s.ns), map[string]string{"app": "web"}
	two := int32(2)
	_, err := deployments.Create(ctx, &appsv1.Deployment{ObjectMeta: metav1.ObjectMeta{Name: "web"}, Spec: appsv1.DeploymentSpec{
		Replicas: &two, Selector: &metav1.LabelSelector{MatchLabels: app}, Template: corev1.PodTemplateSpec{
			ObjectMeta: metav1.ObjectMeta{Labels: app}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "built-in"}}}}}},
		metav1.CreateOptions{})
	if err != nil {
		return fmt.Errorf("create: %w", err)
	}
	pods := func(n int) func() (bool, error) {
		return func() (bool, error) {
			list, err := c.CoreV1().Pods(s.ns).List(ctx, metav1.ListOptions{LabelSelector: "app=web"})
			return err == nil && len(list.Items) == n, err
		}
	}
	if err := until(ctx, "two Pods", pods(2)); err != nil {
		return err
	}
	scale, err := deployments.UpdateScale(ctx, "web", &autoscalingv1.Scale{ObjectMeta: metav1.ObjectMeta{Name: "web", Namespace: s.ns},
		Spec: autoscalingv1.ScaleSpec{Replicas: 3}}, metav1.UpdateOptions{})
	if err != nil || scale.Spec.Replicas != 3 || scale.Status.Selector != "app=web" {
		return fmt.Errorf("scale: %+v %w", scale, err)
	}
	if err := until(ctx, "three Pods", pods(3)); err != nil {
		return err
	}
	foreground := metav1.DeletePropagationForeground
	if err := deployments.Delete(ctx, "web", metav1.DeleteOptions{PropagationPolicy: &foreground}); err != nil {
		return fmt.Errorf("delete: %w", err)
	}
	return until(ctx, "the end of its Pods", pods(0))
}
