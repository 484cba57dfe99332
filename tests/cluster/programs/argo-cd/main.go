// Lays out a branch with the code of Argo CD's source hydrator itself: the layout is described on standard input, the folder
// is the first argument. A suite compares what karsc writes.
package main

import (
	"encoding/json"
	"log"
	"os"

	"github.com/argoproj/argo-cd/v3/commitserver/apiclient"
	"github.com/argoproj/argo-cd/v3/commitserver/commit"
)

type layout struct {
	Repository string
	Commit     string
	Path       string
	Commands   []string
	Objects    []json.RawMessage
}

func main() {
	var wanted layout
	if err := json.NewDecoder(os.Stdin).Decode(&wanted); err != nil {
		log.Fatal(err)
	}
	root, err := os.OpenRoot(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	path := &apiclient.PathDetails{Path: wanted.Path, Commands: wanted.Commands}
	for _, object := range wanted.Objects {
		path.Manifests = append(path.Manifests, &apiclient.HydratedManifestDetails{ManifestJSON: string(object)})
	}
	if err := commit.WriteForPaths(root, wanted.Repository, wanted.Commit, nil, []*apiclient.PathDetails{path}); err != nil {
		log.Fatal(err)
	}
}
