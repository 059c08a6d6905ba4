// Posts as Go's own client does, and says with a line of JSON how each one ended.
//
//	posts early URL COUNT BYTES     large bodies, by turns with and without a Content-Length
//	posts kept URL WORKERS          small ones on kept connections with pauses, until standard input ends
//	posts unused URL CONNECTIONS    dials, says so, waits for a line, and posts on connections that were never used
//
// Credentials stand in the URL.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"sync"
	"time"
)

type ending struct {
	ID     string `json:"id"`
	Status int    `json:"status"`
	Body   string `json:"body"`
	// The answer said that the connection ends with it.
	Close bool   `json:"close"`
	Error string `json:"error"`
	// No connection could be made: nothing was sent.
	Dial bool `json:"dial"`
}

var output = struct {
	sync.Mutex
	encoder *json.Encoder
}{encoder: json.NewEncoder(os.Stdout)}

func main() {
	if len(os.Args) < 4 {
		fmt.Fprintln(os.Stderr, "posts early URL COUNT BYTES | kept URL WORKERS | unused URL CONNECTIONS")
		os.Exit(64)
	}
	target, number := os.Args[2], numberIn(os.Args[3])
	switch os.Args[1] {
	case "early":
		early(target, number, numberIn(os.Args[4]))
	case "kept":
		kept(target, number)
	case "unused":
		unused(target, number)
	}
}

func early(target string, count, size int) {
	client := &http.Client{Transport: &http.Transport{}}
	body := bytes.Repeat([]byte("cpu,host=a usage=42 1\n"), size/22+1)[:size]
	for i := 0; i < count; i++ {
		var reader io.Reader = bytes.NewReader(body)
		if i%2 == 1 {
			// A type that Go does not know: chunked.
			reader = struct{ io.Reader }{reader}
		}
		post(client, target, fmt.Sprintf("early-%d", i), reader)
	}
}

func kept(target string, workers int) {
	ended := make(chan struct{})
	go func() {
		io.Copy(io.Discard, os.Stdin)
		close(ended)
	}()
	var all sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		all.Add(1)
		go func(worker int) {
			defer all.Done()
			client := &http.Client{Transport: &http.Transport{}}
			for i := 0; ; i++ {
				id := fmt.Sprintf("kept-%d-%d", worker, i)
				post(client, target, id, bytes.NewReader([]byte("cpu usage=42 1\n")))
				select {
				case <-ended:
					return
				case <-time.After(pause(worker, i)):
				}
			}
		}(worker)
	}
	all.Wait()
}

// Mostly none, so that a stop meets requests in every state; now and then longer than a server is patient with heads.
func pause(worker, i int) time.Duration {
	switch {
	case i%40 == 20:
		return 1500 * time.Millisecond
	case worker%2 == 0:
		return time.Duration(rand.Intn(3)) * time.Millisecond
	default:
		return time.Duration(rand.Intn(40)) * time.Millisecond
	}
}

func unused(target string, count int) {
	parsed, err := url.Parse(target)
	if err != nil {
		panic(err)
	}
	connections := make(chan net.Conn, count)
	for i := 0; i < count; i++ {
		connection, err := net.Dial("tcp", parsed.Host)
		if err != nil {
			panic(err)
		}
		connections <- connection
	}
	fmt.Println(`{"id":"dialed"}`)
	bufio.NewReader(os.Stdin).ReadString('\n')
	for i := 0; i < count; i++ {
		dial := func(context.Context, string, string) (net.Conn, error) { return <-connections, nil }
		client := &http.Client{Transport: &http.Transport{DialContext: dial}}
		post(client, target, fmt.Sprintf("unused-%d", i), bytes.NewReader([]byte("cpu usage=42 1\n")))
	}
}

func post(client *http.Client, target, id string, body io.Reader) {
	result := ending{ID: id}
	response, err := client.Post(target+"&precision="+id, "", body)
	if err == nil {
		var text []byte
		text, err = io.ReadAll(response.Body)
		response.Body.Close()
		result.Status, result.Body, result.Close = response.StatusCode, string(text), response.Close
	}
	if err != nil {
		result.Error = err.Error()
		var failure *net.OpError
		result.Dial = errors.As(err, &failure) && failure.Op == "dial"
	}
	output.Lock()
	defer output.Unlock()
	output.encoder.Encode(result)
}

func numberIn(text string) int {
	number, err := strconv.Atoi(text)
	if err != nil {
		panic(err)
	}
	return number
}
