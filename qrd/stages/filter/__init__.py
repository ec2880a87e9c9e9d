"""filter: paths to the paths worth training on.

Reads:   paths, judged or not; with --decontaminate, test questions.
Does:    grades paths that have no `prediction` (all of them with --regrade), then asks each rule.
Writes:  the paths kept, in their order and byte for byte but for a new grade; the others to --rejects with
         `reject_reason`; counts to --summary. With --flag every path, with `flags`.
Never:   counts a path twice or loses one: in = kept + rejected + bad + not selected; holds the file in memory.

Source: paper, section 2.3.
"""
