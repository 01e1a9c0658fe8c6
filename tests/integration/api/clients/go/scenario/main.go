// SPDX-License-Identifier: Apache-2.0

// Scenarios of client-go against an API server: scenario KUBECONFIG NAMESPACE NAME runs one of them and says nothing but errors.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

const deadline = 40 * time.Second

// One is the server, with a namespace of the scenario's own.
type One struct {
	config *rest.Config
	ns     string
}

var scenarios = map[string]func(context.Context, One) error{
	"typed-json": func(ctx context.Context, s One) error { return typed(ctx, s.typed("application/json"), s.ns) },
	"typed-protobuf": func(ctx context.Context, s One) error {
		return typed(ctx, s.typed("application/vnd.kubernetes.protobuf"), s.ns)
	},
	"dynamic":         dynamically,
	"apply":           applied,
	"informer":        informed,
	"informer-labels": informedOfSome,
	"leader-election": elected,
	"workloads":       workloads,
}

func (s One) typed(contentType string) kubernetes.Interface {
	c := rest.CopyConfig(s.config)
	c.ContentType = contentType
	if contentType != "application/json" {
		c.AcceptContentTypes = contentType + ",application/json"
	}
	return kubernetes.NewForConfigOrDie(c)
}

func (s One) dynamic() dynamic.Interface {
	return dynamic.NewForConfigOrDie(s.config)
}

func want(is bool, format string, args ...any) error {
	if is {
		return nil
	}
	return fmt.Errorf(format, args...)
}

// until asks again and again, for what the server needs a moment for.
func until(ctx context.Context, what string, is func() (bool, error)) error {
	for {
		ok, err := is()
		if ok || err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waited in vain for %s", what)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func main() {
	if len(os.Args) != 4 || scenarios[os.Args[3]] == nil {
		fmt.Fprintln(os.Stderr, "scenario KUBECONFIG NAMESPACE NAME; the names:")
		for name := range scenarios {
			fmt.Fprintln(os.Stderr, name)
		}
		os.Exit(2)
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Args[1])
	if err == nil {
		config.QPS, config.Burst = 1000, 1000
		ctx, cancel := context.WithTimeout(context.Background(), deadline)
		defer cancel()
		err = scenarios[os.Args[3]](ctx, One{config, os.Args[2]})
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
