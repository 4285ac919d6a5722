package agent

import (
	"github.com/prometheus/client_golang/prometheus"
)

const prefix = "altostratus_balancer_"

func described(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(prefix+name, help, labels, nil)
}

var (
	inFlightDesc = described("in_flight", "Requests that have not ended.", "cluster", "backend", "member", "state")
	requestsDesc = described("requests_total", "Requests that ended.", "cluster", "backend")
	errorsDesc   = described("errors_total", "Requests that failed, by who they failed by.", "cluster", "backend", "by")
	refusedDesc  = described("refused_total", "Requests refused, by why.", "cluster", "backend", "why")
	retriesDesc  = described("retries_total", "Requests tried again.", "cluster", "backend")
	durationDesc = described("request_duration_seconds", "From a request's arrival to its end.", "cluster", "backend")
	membersDesc  = described("members", "Members by state.", "cluster", "backend", "state")
	weightDesc   = described("split_weight", "Weight of a backend in a split.", "split", "backend")
	readyDesc    = described("ready", "Whether this replica serves.")
	restartsDesc = described("program_restarts_total", "How often the program had to be started again.")
	refusalDesc  = described("config_refused", "Whether the newest configuration was refused.")
	unroutedDesc = described("unrouted_total", "Requests without a route.")
)

// collector turns the state into metrics when it is asked.
type collector struct{ agent *Agent }

func (c collector) Describe(into chan<- *prometheus.Desc) { prometheus.DescribeByCollect(c, into) }

func (c collector) Collect(into chan<- prometheus.Metric) {
	state, err := c.agent.State()
	if err != nil {
		return
	}
	gauge := func(description *prometheus.Desc, value float64, labels ...string) {
		into <- prometheus.MustNewConstMetric(description, prometheus.GaugeValue, value, labels...)
	}
	counter := func(description *prometheus.Desc, value uint64, labels ...string) {
		into <- prometheus.MustNewConstMetric(description, prometheus.CounterValue, float64(value), labels...)
	}
	gauge(readyDesc, truth(state.Ready))
	gauge(refusalDesc, truth(state.Config.Refused != nil))
	counter(restartsDesc, uint64(state.Program.Restarts))
	counter(unroutedDesc, state.Unrouted)
	for key, backend := range state.Backends {
		id := backend.Cluster
		gauge(inFlightDesc, float64(backend.InFlight.Queued), id, key, "", "queued")
		for name, member := range backend.Members {
			gauge(inFlightDesc, float64(member.InFlight.Serving), id, key, name, "serving")
		}
		counter(requestsDesc, backend.Requests, id, key)
		counter(errorsDesc, backend.Errors.Balancer, id, key, "balancer")
		counter(errorsDesc, backend.Errors.Member, id, key, "member")
		counter(errorsDesc, backend.Errors.Client, id, key, "client")
		counter(refusedDesc, backend.Refused.Rate, id, key, "rate")
		counter(refusedDesc, backend.Refused.Queue, id, key, "queue")
		counter(retriesDesc, backend.Retries, id, key)
		cumulative, total := map[float64]uint64{}, uint64(0)
		for i, count := range backend.Latency.Counts {
			total += count
			if i < len(backend.Latency.Bounds) {
				cumulative[backend.Latency.Bounds[i]] = total
			}
		}
		into <- prometheus.MustNewConstHistogram(durationDesc, total, backend.Latency.Sum, cumulative, id, key)
		states := map[string]int{"serving": 0}
		for _, member := range backend.Members {
			states[member.State]++
		}
		for name, count := range states {
			gauge(membersDesc, float64(count), id, key, name)
		}
	}
	for split, parts := range state.Splits {
		for key, part := range parts {
			gauge(weightDesc, float64(part.Weight), split, key)
		}
	}
}

func truth(value bool) float64 {
	if value {
		return 1
	}
	return 0
}
