// Reads JSON strings, one a line, and answers each with a JSON line: what Go itself makes of it.
//
//	go run reading.go targets   a request target as net/http reads it and as Kapacitor's mux cleans it
//	go run reading.go texts     a text as strconv.Quote and encoding/json write it
//	go run reading.go users     a body of the users API as encoding/json reads it into Kapacitor's CreateUserOptions
//
// Bytes are printed in hex, since not all of them are UTF-8.
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path"
	"sort"
	"strconv"
	"strings"
)

type reading struct {
	Ok    bool     `json:"ok"`
	Path  string   `json:"path"`
	Clean string   `json:"clean"`
	Query string   `json:"query"`
	Since []string `json:"since117"`
	Until []string `json:"before117"`
}

type writing struct {
	Quoted string `json:"quoted"`
	JSON   string `json:"json"`
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "one argument: targets, texts or users")
		os.Exit(64)
	}
	answer := map[string]func(string) any{"targets": read, "texts": write, "users": readUser}[os.Args[1]]
	if answer == nil {
		fmt.Fprintln(os.Stderr, "unknown argument: targets, texts or users")
		os.Exit(64)
	}
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var text string
		if err := json.Unmarshal(lines.Bytes(), &text); err != nil {
			panic(err)
		}
		line, err := json.Marshal(answer(text))
		if err != nil {
			panic(err)
		}
		os.Stdout.Write(append(line, '\n'))
	}
}

// read has net/http itself read a request line, as its server does.
func read(target string) any {
	head := "POST " + target + " HTTP/1.1\r\nHost: kapacitor\r\n\r\n"
	request, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		return reading{}
	}
	raw := request.URL.RawQuery
	return reading{
		Ok:    true,
		Path:  hex.EncodeToString([]byte(request.URL.Path)),
		Clean: hex.EncodeToString([]byte(cleanPath(request.URL.Path))),
		Query: hex.EncodeToString([]byte(raw)),
		Since: list(raw),
		// Go before 1.17 took ";" for "&"; http.AllowQuerySemicolons brings that back in the same way.
		Until: list(strings.ReplaceAll(raw, ";", "&")),
	}
}

// list is url.ParseQuery, each name with its values in their order, the names sorted.
func list(raw string) []string {
	values, _ := url.ParseQuery(raw)
	pairs := []string{}
	for name, each := range values {
		for index, value := range each {
			pairs = append(pairs, fmt.Sprintf("%x #%03d %x", name, index, value))
		}
	}
	sort.Strings(pairs)
	return pairs
}

// cleanPath is what the muxes of net/http and of Kapacitor do to a path before they look it up.
func cleanPath(dirty string) string {
	if dirty == "" {
		return "/"
	}
	if dirty[0] != '/' {
		dirty = "/" + dirty
	}
	clean := path.Clean(dirty)
	if strings.HasSuffix(dirty, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

func write(text string) any {
	encoded, err := json.Marshal(text)
	if err != nil {
		panic(err)
	}
	return writing{Quoted: strconv.Quote(text), JSON: string(encoded)}
}

type user struct {
	Ok          bool      `json:"ok"`
	Name        *string   `json:"name"`
	Password    *string   `json:"password"`
	Type        *string   `json:"type"`
	Permissions *[]string `json:"permissions"`
}

// readUser takes the bytes of a body in hex.
func readUser(body string) any {
	raw, err := hex.DecodeString(body)
	if err != nil {
		panic(err)
	}
	var into struct {
		Name        *string   `json:"name"`
		Password    *string   `json:"password"`
		Type        *string   `json:"type"`
		Permissions *[]string `json:"permissions"`
	}
	// As Kapacitor reads it: what stands behind the first value is not looked at.
	if err := json.NewDecoder(bytes.NewReader(raw)).Decode(&into); err != nil {
		return user{}
	}
	return user{true, into.Name, into.Password, into.Type, into.Permissions}
}
