package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
)

type transactional struct {
	topic   string
	session *kgo.GroupTransactSession
}

func begin(ctx context.Context, address, topic, group, id string) transactional {
	session, err := kgo.NewGroupTransactSession(
		kgo.SeedBrokers(address), kgo.TransactionalID(id), kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic+"-in"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.RequireStableFetchOffsets(),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(heartbeat))
	check(err)
	return transactional{topic, session}
}

// consume reads this many records of the topic that goes in: their offsets are sent at the end.
func (t transactional) consume(ctx context.Context, count int) {
	for count > 0 {
		fetches := t.session.PollRecords(ctx, count)
		check(fetches.Err())
		count -= fetches.NumRecords()
	}
}

func (t transactional) write(ctx context.Context, what string, count int) {
	check(t.session.Begin())
	for number := range count {
		record := &kgo.Record{Topic: t.topic, Partition: int32(number % 3),
			Value: fmt.Appendf(nil, "%s-%d", what, number)}
		check(t.session.ProduceSync(ctx, record).FirstErr())
	}
}

func (t transactional) end(ctx context.Context, try kgo.TransactionEndTry) {
	committed, err := t.session.End(ctx, try)
	check(err)
	if committed != bool(try) {
		fmt.Fprintln(os.Stderr, "committed:", committed)
		os.Exit(1)
	}
}

func produce(ctx context.Context, address, topic, group, id string) {
	first := begin(ctx, address, topic, group, id)
	first.write(ctx, "committed", 9)
	first.end(ctx, kgo.TryCommit)
	first.write(ctx, "aborted", 9)
	first.end(ctx, kgo.TryAbort)
	first.write(ctx, "with-offsets", 3)
	first.consume(ctx, 5)
	first.end(ctx, kgo.TryCommit)
	first.write(ctx, "without-offsets", 3)
	first.consume(ctx, 4)
	first.end(ctx, kgo.TryAbort)
	first.write(ctx, "open", 3)
	second := begin(ctx, address, topic, group, id)
	second.write(ctx, "last", 3)
	_, err := first.session.End(ctx, kgo.TryCommit)
	if known, ok := err.(*kerr.Error); ok {
		say("fenced", known.Message)
	}
	second.end(ctx, kgo.TryCommit)
	first.session.Close()
	second.session.Close()
}

func read(ctx context.Context, address, topic string) {
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.ConsumeTopics(topic),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchIsolationLevel(kgo.ReadCommitted()))
	check(err)
	for last := 0; last < 3; {
		fetches := client.PollFetches(ctx)
		check(fetches.Err())
		for _, record := range fetches.Records() {
			say("read", record.Partition, record.Offset, string(record.Value))
			if strings.HasPrefix(string(record.Value), "last-") {
				last++
			}
		}
	}
	client.Close()
}

func transactions(address, topic, group, id string) {
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	defer cancel()
	produce(ctx, address, topic, group, id)
	read(ctx, address, topic)
}
