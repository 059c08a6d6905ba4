// Reads lines of hex, each of them all the bytes that one connection brings, and answers each with a JSON line.
//
//	serve HEX   the requests that the server of net/http, on which Kapacitor is built, hands to its handler, and every
//	            status that it wrote
//	read HEX    the requests that its parser finds, with what RFC 9112 §2.2 and §3 allow and Node's parser does: empty lines
//	            before a request line are passed over, and several spaces in it are one; a target that is no URL stands there
//	            as /unreadable, and what is behind such a request is read on
package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"regexp"
	"strings"
	"sync"
	"time"
)

type request struct {
	Method string `json:"method"`
	// Path is decoded; it and Query are in hex, since not all bytes are UTF-8.
	Path  string `json:"path"`
	Clean string `json:"clean"`
	Query string `json:"query"`
	Host  string `json:"host"`
	// User is the name that Kapacitor would look up, by its order of credentials, and Password what it would compare.
	User     string              `json:"user"`
	Password string              `json:"password"`
	Headers  map[string][]string `json:"headers"`
	Body     string              `json:"body"`
	// Whole is false where the body broke off.
	Whole bool `json:"whole"`
}

type reading struct {
	Requests []request `json:"requests"`
	Statuses []string  `json:"statuses"`
}

var statusLine = regexp.MustCompile(`HTTP/1\.[01] (\d{3})`)

var moreSpaces = regexp.MustCompile(`^([A-Z]+) +([^ ]+) +(HTTP/)`)

func main() {
	log.SetOutput(io.Discard)
	lines := bufio.NewScanner(os.Stdin)
	lines.Buffer(nil, 1<<26)
	for lines.Scan() {
		mode, text, _ := strings.Cut(lines.Text(), " ")
		sent, err := hex.DecodeString(text)
		if err != nil {
			panic(err)
		}
		line, err := json.Marshal(map[string]func([]byte) reading{"serve": serve, "read": read}[mode](sent))
		if err != nil {
			panic(err)
		}
		os.Stdout.Write(append(line, '\n'))
	}
}

// serve runs a real server over one connection that brings these bytes and then ends.
func serve(sent []byte) reading {
	found := reading{Requests: []request{}, Statuses: []string{}}
	connection := &memory{in: bytes.NewReader(sent)}
	listener := &single{connection: connection, closed: make(chan struct{})}
	server := &http.Server{
		DisableGeneralOptionsHandler: true,
		ErrorLog:                     log.New(io.Discard, "", 0),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateClosed {
				listener.Close()
			}
		},
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			found.Requests = append(found.Requests, tell(r))
			w.WriteHeader(http.StatusNoContent)
		}),
	}
	server.Serve(listener)
	for _, match := range statusLine.FindAllSubmatch(connection.written(), -1) {
		found.Statuses = append(found.Statuses, string(match[1]))
	}
	return found
}

func read(sent []byte) reading {
	found := reading{Requests: []request{}, Statuses: []string{}}
	rest := bufio.NewReader(bytes.NewReader(sent))
	for {
		for next, err := rest.Peek(1); err == nil && (next[0] == '\r' || next[0] == '\n'); next, err = rest.Peek(1) {
			rest.Discard(1)
		}
		line, _ := rest.ReadString('\n')
		line = moreSpaces.ReplaceAllString(line, "$1 $2 $3")
		if words := strings.Split(line, " "); len(words) == 3 {
			if _, err := url.ParseRequestURI(words[1]); err != nil {
				line = words[0] + " /unreadable " + words[2]
			}
		}
		rest = bufio.NewReader(io.MultiReader(strings.NewReader(line), rest))
		r, err := http.ReadRequest(rest)
		if err != nil {
			return found
		}
		told := tell(r)
		found.Requests = append(found.Requests, told)
		if r.Close || !told.Whole {
			return found
		}
	}
}

func tell(r *http.Request) request {
	body, err := io.ReadAll(r.Body)
	user, password := credentials(r)
	return request{
		Method: r.Method,
		Path:   hex.EncodeToString([]byte(r.URL.Path)), Clean: hex.EncodeToString([]byte(cleanPath(r.URL.Path))),
		Query: hex.EncodeToString([]byte(r.URL.RawQuery)), Host: r.Host,
		User: user, Password: password, Headers: r.Header,
		Body: hex.EncodeToString(body), Whole: err == nil,
	}
}

// credentials are those of a name and a password, in Kapacitor's order: a bearer token or Basic before u and p.
func credentials(r *http.Request) (string, string) {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if scheme == "Bearer" {
		return "", ""
	}
	if user, password, ok := r.BasicAuth(); ok {
		return user, password
	}
	query := r.URL.Query()
	if query.Get("u") == "" || query.Get("p") == "" {
		return "", ""
	}
	return query.Get("u"), query.Get("p")
}

// cleanPath is what Kapacitor's mux does to a path before it looks it up.
func cleanPath(dirty string) string {
	if dirty == "" || dirty[0] != '/' {
		dirty = "/" + dirty
	}
	clean := path.Clean(dirty)
	if strings.HasSuffix(dirty, "/") && clean != "/" {
		clean += "/"
	}
	return clean
}

// memory is a connection that brings given bytes and keeps what is written to it.
type memory struct {
	in    *bytes.Reader
	mutex sync.Mutex
	out   bytes.Buffer
}

func (m *memory) Read(into []byte) (int, error) { return m.in.Read(into) }
func (m *memory) Write(from []byte) (int, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return m.out.Write(from)
}
func (m *memory) written() []byte {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return bytes.Clone(m.out.Bytes())
}
func (m *memory) Close() error                     { return nil }
func (m *memory) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (m *memory) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (m *memory) SetDeadline(time.Time) error      { return nil }
func (m *memory) SetReadDeadline(time.Time) error  { return nil }
func (m *memory) SetWriteDeadline(time.Time) error { return nil }

// single is a listener of one connection; it ends with it.
type single struct {
	connection net.Conn
	once       sync.Once
	closed     chan struct{}
}

func (s *single) Accept() (net.Conn, error) {
	if connection := s.connection; connection != nil {
		s.connection = nil
		return connection, nil
	}
	<-s.closed
	return nil, net.ErrClosed
}
func (s *single) Close() error   { s.once.Do(func() { close(s.closed) }); return nil }
func (s *single) Addr() net.Addr { return &net.TCPAddr{} }
