// Reads the alert rules and the dashboard's queries with Prometheus' own code, as `promtool check rules` does. A file with a fault that
// is made here must be refused. Not here: whether the metrics exist, which a started router is asked for.
package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

type dashboard struct {
	Panels []struct {
		Title   string
		Targets []struct{ Expr string }
	}
}

var language = parser.NewParser(parser.Options{})

func rules(text []byte) (int, []error) {
	groups, errs := rulefmt.Parse(text, false, model.UTF8Validation, language, slog.New(slog.DiscardHandler))
	if errs != nil {
		return 0, errs
	}
	count := 0
	for _, group := range groups.Groups {
		count += len(group.Rules)
	}
	return count, nil
}

func queries(text []byte) (int, []error) {
	var page dashboard
	if err := json.Unmarshal(text, &page); err != nil {
		return 0, []error{err}
	}
	count, faults := 0, []error{}
	for _, panel := range page.Panels {
		for _, target := range panel.Targets {
			count++
			query := strings.ReplaceAll(target.Expr, "$__rate_interval", "5m")
			if _, err := language.ParseExpr(query); err != nil {
				faults = append(faults, fmt.Errorf("%s: %w", panel.Title, err))
			}
		}
	}
	return count, faults
}

func main() {
	alerts, err := os.ReadFile(os.Args[1])
	if err == nil {
		_, faults := rules([]byte(strings.Replace(string(alerts), "kars_router_policy_ready == 0", "rate(kars_router_policy_ready)", 1)))
		if faults == nil {
			err = fmt.Errorf("a rule with a fault is not refused")
		}
	}
	page, unread := os.ReadFile(os.Args[2])
	if err == nil {
		err = unread
	}
	if err != nil {
		fmt.Println(err)
		os.Exit(1)
	}
	ruled, faults := rules(alerts)
	asked, more := queries(page)
	for _, fault := range append(faults, more...) {
		fmt.Println(fault)
	}
	if len(faults)+len(more) > 0 || ruled == 0 || asked == 0 {
		os.Exit(1)
	}
	fmt.Printf("Prometheus reads %d alert rules and %d queries\n", ruled, asked)
}
