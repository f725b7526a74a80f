#include "proto/wireguard/uapi.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A peer as it would be told must be read again as it was. */
static void check_peer(const struct uapi_peer *p)
{
	char room[16 + UAPI_PEER_MAX];
	struct uapi_peer_state state = {0};
	struct uapi_interface i;
	struct uapi_peer back;
	struct writer w = writer_of(room, sizeof(room));

	uapi_write_peer(&w, p, &state);
	ASSERT(!w.bad);
	/* Times and counters are told and never set: the lines before them and after. */
	struct span text = writer_span(&w), lines = text;
	size_t at = 0;
	while (lines.len && !span_equal(span_sub(lines, 0, 5), span_text("last_"))) {
		at += span_find(lines, '\n') + 1;
		lines = span_sub(text, at, text.len);
	}
	struct span peers;
	ASSERT(uapi_set_read(span_sub(text, 0, at), &i, &peers) == OK);
	ASSERT(uapi_set_peer(&peers, &back) && !peers.len);
	ASSERT(memcmp(back.public_key, p->public_key, WG_KEY_LEN) == 0);
	ASSERT(!(p->says & UAPI_ENDPOINT) || ip_endpoint_equal(&back.endpoint, &p->endpoint));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span text = span_of(data, size), peers;
	struct uapi_request q;
	struct uapi_interface i;
	struct uapi_peer p;
	struct ip_prefix a;
	size_t len;
	bool remove;

	while (uapi_request_read(text, &q, &len) == PARSE_DONE) {
		ASSERT(len && len <= text.len);
		text = span_sub(text, len, text.len);
		if (q.operation == UAPI_GET || uapi_set_read(q.body, &i, &peers))
			continue;
		size_t n = 0;
		while (uapi_set_peer(&peers, &p)) {
			check_peer(&p);
			while (uapi_set_allowed(&p.lines, &a, &remove))
				ASSERT(a.address.family && ++n <= size);
		}
		ASSERT(!peers.len);
	}
	return 0;
}
