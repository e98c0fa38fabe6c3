// Reads what is deployed as its tools read it: kustomize's own library renders a folder, compose's
// own library loads a file, and the Prometheus operator's own types take its resources strictly.
//
//	go run . kustomize FOLDER
//	go run . compose FILE
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"

	"github.com/compose-spec/compose-go/v2/cli"
	monitoring "github.com/prometheus-operator/prometheus-operator/pkg/apis/monitoring/v1"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
)

func main() {
	if len(os.Args) != 3 {
		fail(fmt.Errorf("usage: kustomize FOLDER, or compose FILE"))
	}
	var err error
	switch os.Args[1] {
	case "kustomize":
		err = render(os.Args[2])
	case "compose":
		err = load(os.Args[2])
	default:
		err = fmt.Errorf("unknown: %s", os.Args[1])
	}
	if err != nil {
		fail(err)
	}
}

// render prints a kustomization as one YAML stream.
func render(folder string) error {
	made, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(
		filesys.MakeFsOnDisk(), folder)
	if err != nil {
		return err
	}
	for _, each := range made.Resources() {
		if each.GetKind() != monitoring.PodMonitorsKind {
			continue
		}
		text, err := each.MarshalJSON()
		if err != nil {
			return err
		}
		strict := json.NewDecoder(bytes.NewReader(text))
		strict.DisallowUnknownFields()
		if err := strict.Decode(&monitoring.PodMonitor{}); err != nil {
			return fmt.Errorf("%s: %w", each.GetName(), err)
		}
	}
	text, err := made.AsYaml()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

// load prints a compose project with everything filled in, all profiles included.
func load(file string) error {
	options, err := cli.NewProjectOptions([]string{file}, cli.WithProfiles([]string{"*"}))
	if err != nil {
		return err
	}
	project, err := options.LoadProject(context.Background())
	if err != nil {
		return err
	}
	text, err := project.MarshalJSON()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}
