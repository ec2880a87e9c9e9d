"""verify: files and run folders that qrd wrote, checked against their manifests.

Reads:   each FILE with its manifest, FILE.failed.jsonl and the --rejects of filter; what the manifest names and is
         still there: inputs, test questions, models.
Does:    checks that every row is whole and every key stands once, that counts and hashes are those of the manifest
         (each file of a run folder by itself), and that each planned key is in the output, or rejected, or failed.
Writes:  a line for each file on standard error; no file.
Never:   asks a model; takes a file for sound that has no manifest; reads what is no regular file.
"""
