// Admission judges policies/admission with the API server's own code: it type-checks every expression against the
// OpenAPI document of a real Kubernetes version and sends a table of requests through the real admission plug-in.
// Not here: a server. Nothing listens, and nothing is stored.
//
//	go run . -schema swagger.json ../../policies/admission
package main

import (
	"flag"
	"fmt"
	"os"
)

func main() {
	var err error
	schema := flag.String("schema", "", "swagger.json of the Kubernetes version to check against")
	posture := flag.String("posture", "../posture", "folder with good/ and bad/ objects")
	requests := flag.String("cases", "cases", "folder with requests that are more than an object")
	trees := flag.String("golden", "../golden", "folder with the golden trees")
	table := flag.String("write-requests", "", "judge nothing; write every request to this file, for `tests/cluster`")
	flag.Parse()
	if *table != "" {
		err = write(*table, *posture, *requests, *trees)
	} else {
		err = run(flag.Arg(0), *schema, *posture, *requests, *trees)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "error:", err)
		os.Exit(1)
	}
}

func write(file, posture, requests, trees string) error {
	cases, err := readCases(posture, requests)
	if err != nil {
		return err
	}
	golden, err := readGolden(trees)
	if err != nil {
		return err
	}
	return export(file, cases, golden)
}

func run(folder, schema, posture, requests, trees string) error {
	policies, err := readPolicies(folder)
	if err != nil {
		return err
	}
	score := &score{}
	if err := checkTypes(policies, schema, score); err != nil {
		return err
	}
	checkForm(policies, score)
	golden, err := readGolden(trees)
	if err != nil {
		return err
	}
	cluster, err := startCluster(policies, golden)
	if err != nil {
		return err
	}
	cases, err := readCases(posture, requests)
	if err != nil {
		return err
	}
	for _, request := range cases {
		judge(cluster, request, score)
	}
	judgeGolden(cluster, golden, policies, score)
	everyRuleRefuses(policies, cluster.said, score)
	fmt.Printf("%d passed, %d failed\n", score.passed, score.failed)
	if score.failed > 0 {
		return fmt.Errorf("%d checks failed", score.failed)
	}
	return nil
}

// score counts what held and prints what did not.
type score struct{ passed, failed int }

func (s *score) expect(held bool, format string, arguments ...any) {
	if held {
		s.passed++
		return
	}
	s.failed++
	fmt.Printf("FAILED "+format+"\n", arguments...)
}
