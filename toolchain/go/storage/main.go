// Command altostratus-local-storage makes volumes on the disk of the host that it runs on, and removes them again.
//
// One runs on every host. Each makes what the scheduler chose its host for, so none needs the right to start
// Pods elsewhere. Volumes of a host that has left the cluster are forgotten by whichever notices first.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/util/workqueue"
	"k8s.io/klog/v2"
	"sigs.k8s.io/sig-storage-lib-external-provisioner/v13/controller"
)

const (
	firstRetry = time.Second
	lastRetry  = time.Minute
)

// version is set by the build.
var version = "0.0.0"

func main() {
	asked := flag.Bool("version", false, "print the version and end")
	name := flag.String("provisioner", "", "the provisioner's name, as storage classes call it")
	folder := flag.String("folder", "", "the folder of the host that holds the volumes")
	flag.Parse()
	if *asked {
		fmt.Println(version)
		return
	}
	node := os.Getenv("NODE_NAME")
	if *name == "" || *folder == "" || node == "" {
		klog.Fatal("needed are --provisioner, --folder and the variable NODE_NAME")
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	config, err := rest.InClusterConfig()
	if err != nil {
		klog.Fatal(err)
	}
	client := kubernetes.NewForConfigOrDie(config)
	host := &hostDisk{client: client, node: node, folder: *folder, provisioner: *name}
	go newWatch(ctx, host).run(ctx)
	controller.NewProvisionController(
		ctx, client, *name, host,
		// Each process works for its own host only.
		controller.LeaderElection(false),
		controller.RateLimiter(workqueue.NewTypedItemExponentialFailureRateLimiter[string](firstRetry, lastRetry)),
		controller.FailedProvisionThreshold(0),
		controller.FailedDeleteThreshold(0),
	).Run(ctx)
}
