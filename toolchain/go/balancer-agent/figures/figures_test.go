package figures

import (
	"math"
	"testing"
	"time"
)

func TestQuantilesLieInTheirBuckets(t *testing.T) {
	histogram := NewHistogram()
	for i := 1; i <= 1000; i++ {
		histogram.Add(float64(i) / 1000)
	}
	for q, exact := range map[float64]float64{0.5: 0.5, 0.9: 0.9, 0.99: 0.99} {
		if found := histogram.Quantile(q); math.Abs(found-exact) > 0.03 {
			t.Errorf("%v: %v", q, found)
		}
	}
	if empty := NewHistogram(); empty.Quantile(0.5) != 0 {
		t.Error("nothing has no quantile")
	}
	over := NewHistogram()
	over.Add(3600)
	if over.Quantile(0.5) != 60 {
		t.Error("over every bound, the last bound is told")
	}
}

func TestRecentFiguresForgetWhatIsOld(t *testing.T) {
	book, begun := NewBook(), time.Unix(1_000_000, 0)
	for i := range 30 {
		book.Add(begun.Add(time.Duration(i)*time.Second), Ended{Backend: "web", Member: "m1", Seconds: 0.1})
	}
	total, recent := book.Backend(begun.Add(29*time.Second), "web")
	if total.Requests != 30 || recent.Requests != Window {
		t.Fatalf("%d in total, %d recently", total.Requests, recent.Requests)
	}
	if _, later := book.Backend(begun.Add(time.Hour), "web"); later.Requests != 0 {
		t.Fatalf("%d an hour later", later.Requests)
	}
	book.Forget("web", "m1")
	if total, _ := book.Backend(begun, "web"); total.Requests != 30 || book.Member("web", "m1").Requests != 0 {
		t.Fatal("a member that is gone takes its own counts only")
	}
}

func TestRefusalsAndErrorsAreCountedByKind(t *testing.T) {
	book, now := NewBook(), time.Unix(1_000_000, 0)
	for _, ended := range []Ended{
		{Backend: "web", Failed: Balancer, Unanswered: true, Reason: "queue-full"}, {Backend: "web", Failed: Client, Unanswered: true},
		{Backend: "web", Member: "m1", Failed: TheirOwn, Retries: 2}, {Reason: "rate-limit"}, {Reason: "no-route"},
	} {
		book.Add(now, ended)
	}
	count, recent := book.Backend(now, "web")
	if count.Errors != (Errors{1, 1, 1, 1}) || count.Refused.Queue != 1 || count.Retries != 2 || recent.Failed != 2 {
		t.Fatalf("%+v %+v", count, recent)
	}
	unrouted, refused := book.Unrouted()
	if unrouted != 1 || refused != (Refused{Rate: 1, Queue: 1}) {
		t.Fatalf("%d %+v", unrouted, refused)
	}
}
