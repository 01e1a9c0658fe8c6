// SPDX-License-Identifier: Apache-2.0
package main

import (
	_ "k8s.io/client-go/applyconfigurations/core/v1"
	_ "k8s.io/client-go/dynamic"
	_ "k8s.io/client-go/informers"
	_ "k8s.io/client-go/kubernetes"
	_ "k8s.io/client-go/tools/clientcmd"
	_ "k8s.io/client-go/tools/leaderelection"
)

func main() {}
