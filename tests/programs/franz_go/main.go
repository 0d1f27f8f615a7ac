// Programs by franz-go: members of a group, and transactions.
//
//	franz_go member ADDRESS TOPIC GROUP PROTOCOL NAME...
//	franz_go transactions ADDRESS TOPIC GROUP ID
//
// ../members.py and ../transactions.py say what they do and print.
package main

import (
	"fmt"
	"os"
	"time"
)

const (
	sessionTimeout = 6 * time.Second
	heartbeat      = 500 * time.Millisecond
)

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	arguments := os.Args[2:]
	switch os.Args[1] {
	case "member":
		members(arguments[0], arguments[1], arguments[2], arguments[3], arguments[4:])
	case "transactions":
		transactions(arguments[0], arguments[1], arguments[2], arguments[3])
	}
}
