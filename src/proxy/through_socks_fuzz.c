#define MEMORY_SIZE (1 << 14)
#include "proxy/memory_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A client that says it in pieces, to a back end that answers; what follows the request is the back
 * end's, and nothing else is. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct through t;
	if (size < 2 || size > 4096)
		return 0;
	size_t piece = data[1] % 64 + 1u;
	through_init(&t);
	t.admission.socks_versions = data[0] & 3 ? data[0] & 3 : 3;
	t.admission.socks_passwords = data[0] & 8;
	t.ring.on = data[0] & 32;
	t.verdict = (struct proxy_verdict){.kind = data[0] & 12 ? PROXY_ANSWER : PROXY_TUNNEL};
	t.verdict.first_bytes = data[0] & 16;
	t.verdict_set = true;
	t.response_status = data[0] & 4 ? 403 : data[0] & 8 ? 204 : 0;
	t.hops[0].protocol = t.hops[1].protocol = PROXY_RAW;
	through_client(&t);
	for (size_t at = 2; at < size; at += piece)
		memory_send(&t, t.client,
			    span_of(data + at, size - at < piece ? size - at : piece));
	ASSERT(t.requests <= (data[0] & 8 ? 2 : 1) && t.backs_n <= 1);
	if (t.backs_n) {
		const struct memory *b = t.backs[0];
		ASSERT(b->out_end < size);
		if (b->out_end)
			ASSERT(memcmp(b->out, data + size - b->out_end, b->out_end) == 0);
		if (t.verdict.first_bytes && b->out_end)
			through_first_check(b->out, b->out_end);
		ASSERT(t.client->out_end >= SOCKS4_REPLY_LEN);
		ASSERT(!b->closed || (t.client->aborted && t.done_cause == PROXY_REFUSED));
		memory_text(&t, t.backs[0], "answer");
		ASSERT(b->closed ||
		       memcmp(t.client->out + t.client->out_end - 6, "answer", 6) == 0);
	}
	memory_end(&t, t.client);
	through_done_all(&t);
	return 0;
}
