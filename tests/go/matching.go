// Tells for each line, a JSON list of a pattern and a name, what Go's path.Match makes of them.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path"
)

func main() {
	lines := bufio.NewScanner(os.Stdin)
	for lines.Scan() {
		var pair [2]string
		if err := json.Unmarshal(lines.Bytes(), &pair); err != nil {
			panic(err)
		}
		matched, err := path.Match(pair[0], pair[1])
		if err != nil {
			fmt.Println(err)
		} else {
			fmt.Println(matched)
		}
	}
}
