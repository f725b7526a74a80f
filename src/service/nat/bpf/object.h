/* The compiled programs of the data plane, an ELF object inside this binary.
 * Knows nothing of loading them. */
#pragma once

/* The object's bytes: from nat_bpf_object up to nat_bpf_object_end, aligned to 8. */
extern const unsigned char nat_bpf_object[];
extern const unsigned char nat_bpf_object_end[];
