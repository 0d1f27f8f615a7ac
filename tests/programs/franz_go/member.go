package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"sync"

	"github.com/twmb/franz-go/pkg/kgo"
)

var output sync.Mutex

func say(words ...any) {
	output.Lock()
	defer output.Unlock()
	fmt.Println(words...)
}

// owned is what a member has at the moment; the client calls it one call at a time.
type owned struct {
	name       string
	partitions []int32
}

func (o *owned) say() {
	words := []any{"owns", o.name}
	slices.Sort(o.partitions)
	for _, partition := range o.partitions {
		words = append(words, partition)
	}
	say(words...)
}

func (o *owned) assigned(_ context.Context, _ *kgo.Client, now map[string][]int32) {
	for _, partitions := range now {
		o.partitions = append(o.partitions, partitions...)
	}
	o.say()
}

func (o *owned) gone(_ context.Context, _ *kgo.Client, gone map[string][]int32) {
	for _, partitions := range gone {
		o.partitions = slices.DeleteFunc(o.partitions, func(p int32) bool {
			return slices.Contains(partitions, p)
		})
	}
	o.say()
}

func memberOptions(address, topic, group, protocol string, o *owned) []kgo.Opt {
	options := []kgo.Opt{
		kgo.SeedBrokers(address), kgo.ClientID(o.name), kgo.ConsumerGroup(group),
		kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.OnPartitionsAssigned(o.assigned), kgo.OnPartitionsRevoked(o.gone),
		kgo.OnPartitionsLost(o.gone),
	}
	switch protocol {
	case "consumer":
		optIn := context.WithValue(context.Background(), "opt_in_kafka_next_gen_balancer_beta", true)
		return append(options, kgo.WithContext(optIn))
	case "range":
		options = append(options, kgo.Balancers(kgo.RangeBalancer()))
	}
	return append(options, kgo.SessionTimeout(sessionTimeout), kgo.HeartbeatInterval(heartbeat))
}

// member reads, and commits what it has read, until the context ends.
func member(ctx context.Context, address, topic, group, protocol, name string) {
	client, err := kgo.NewClient(memberOptions(address, topic, group, protocol, &owned{name: name})...)
	check(err)
	for ctx.Err() == nil {
		fetches := client.PollRecords(ctx, 100)
		if err := fetches.Err(); err != nil && !errors.Is(err, context.Canceled) {
			say("failed", name, err)
		}
		records := fetches.Records()
		for _, record := range records {
			say("read", name, record.Partition, record.Offset, string(record.Value))
		}
		if len(records) == 0 {
			continue
		}
		if err := client.CommitRecords(context.Background(), records...); err != nil {
			say("uncommitted", name, err)
		}
	}
	client.Close()
	say("closed", name)
}

func members(address, topic, group, protocol string, names []string) {
	ctx, stop := context.WithCancel(context.Background())
	var running sync.WaitGroup
	for _, name := range names {
		running.Add(1)
		go func() {
			defer running.Done()
			member(ctx, address, topic, group, protocol, name)
		}()
	}
	_, err := io.Copy(io.Discard, os.Stdin)
	check(err)
	stop()
	running.Wait()
}
