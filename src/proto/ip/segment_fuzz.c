/* Any head before any packet: what is cut of it stays within what was told, and cutting ends. */
#include "base/err.h"
#include "proto/ip/segment.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t room[65536];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct ip_segments s;
	if (size < IP_OFFLOAD_LEN)
		return 0;
	struct ip_offload head = ip_offload_of(data);
	if (ip_segments_init(&s, &head, span_of(data + IP_OFFLOAD_LEN, size - IP_OFFLOAD_LEN)))
		return 0;
	size_t left = s.left, len;
	ASSERT(left > 0 && s.len_max > 0);
	while ((len = ip_segments_next(&s, room))) {
		ASSERT(len <= s.len_max && left > 0);
		left--;
	}
	ASSERT(left == 0);
	return 0;
}
