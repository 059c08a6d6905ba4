// Posts as Go's own client does, and says with a line of JSON how each one ended.
//
//	posts early URL COUNT BYTES     large bodies, by turns with and without a Content-Length
//	posts kept URL WORKERS          small ones on kept connections with pauses, until standard input ends
//	posts unused URL CONNECTIONS    dials, says so, waits for a line, and posts on connections that were never used
//	posts sizes URL BYTES,BYTES,…   a body of each length on one connection, with and without a Content-Length
//	posts paced URL WORKERS MS      five small ones each, with a pause of so long between them
//
// Credentials stand in the URL. Over https, any certificate will do.
package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
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
	"strings"
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
		fmt.Fprintln(os.Stderr, "posts early URL COUNT BYTES | kept URL WORKERS | unused URL CONNECTIONS | sizes URL BYTES,… | paced URL WORKERS MS")
		os.Exit(64)
	}
	target, number := os.Args[2], os.Args[3]
	switch os.Args[1] {
	case "early":
		early(target, numberIn(number), numberIn(os.Args[4]))
	case "kept":
		kept(target, numberIn(number))
	case "unused":
		unused(target, numberIn(number))
	case "sizes":
		sizes(target, strings.Split(number, ","))
	case "paced":
		paced(target, numberIn(number), time.Duration(numberIn(os.Args[4]))*time.Millisecond)
	}
}

// As Telegraf, Chronograf and InfluxDB make theirs; HTTP/2 is asked for where it can be had.
func transport() *http.Transport {
	return &http.Transport{TLSClientConfig: anyCertificate, ForceAttemptHTTP2: true}
}

var anyCertificate = &tls.Config{InsecureSkipVerify: true}

func sizes(target string, lengths []string) {
	client := &http.Client{Transport: transport()}
	for _, length := range lengths {
		body := bytes.Repeat([]byte("x"), numberIn(length))
		post(client, target, "whole-"+length, bytes.NewReader(body))
		// A type that Go does not know: chunked.
		post(client, target, "chunked-"+length, struct{ io.Reader }{bytes.NewReader(body)})
	}
}

func paced(target string, workers int, pause time.Duration) {
	var all sync.WaitGroup
	for worker := 0; worker < workers; worker++ {
		all.Add(1)
		go func(worker int) {
			defer all.Done()
			client := &http.Client{Transport: transport()}
			for i := 0; i < 5; i++ {
				post(client, target, fmt.Sprintf("paced-%s-%d-%d", pause, worker, i), bytes.NewReader([]byte("cpu usage=42 1\n")))
				time.Sleep(pause)
			}
		}(worker)
	}
	all.Wait()
}

func early(target string, count, size int) {
	client := &http.Client{Transport: transport()}
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
			client := &http.Client{Transport: transport()}
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
		connection, err := dialAhead(parsed)
		if err != nil {
			panic(err)
		}
		connections <- connection
	}
	fmt.Println(`{"id":"dialed"}`)
	bufio.NewReader(os.Stdin).ReadString('\n')
	for i := 0; i < count; i++ {
		dial := func(context.Context, string, string) (net.Conn, error) { return <-connections, nil }
		client := &http.Client{Transport: &http.Transport{DialContext: dial, DialTLSContext: dial}}
		post(client, target, fmt.Sprintf("unused-%d", i), bytes.NewReader([]byte("cpu usage=42 1\n")))
	}
}

// Over TLS up to the end of the handshake, as net/http does it.
func dialAhead(target *url.URL) (net.Conn, error) {
	if target.Scheme == "https" {
		return tls.Dial("tcp", target.Host, anyCertificate)
	}
	return net.Dial("tcp", target.Host)
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
