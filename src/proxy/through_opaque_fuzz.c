#define MEMORY_SIZE (1 << 14)
#include "proxy/memory_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A client that says it in pieces, and is let go or answered when a full stop has come: the back
 * end gets all of it or nothing, and the client nothing but the answer. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct through t;
	if (size < 3 || size > 4096)
		return 0;
	size_t piece = data[1] % 64 + 1u;
	bool answers = data[0] & 1;
	through_init(&t);
	t.admission.opaque = true;
	t.ring.on = data[0] & 4;
	t.verdict = (struct proxy_verdict){.kind = answers ? PROXY_ANSWER : PROXY_TUNNEL,
					   .answer = span_text(answers && data[0] & 2 ? "no" : "")};
	t.verdict_set = true;
	t.response_status = answers ? 403 : 0;
	t.hops[0].protocol = t.hops[1].protocol = PROXY_RAW;
	through_client(&t);
	for (size_t at = 2; at < size; at += piece)
		memory_send(&t, t.client,
			    span_of(data + at, size - at < piece ? size - at : piece));
	bool whole = memchr(data + 2, '.', size - 2);
	ASSERT(t.requests == whole && t.backs_n == (whole && !answers));
	if (t.backs_n) {
		ASSERT(t.backs[0]->out_end == size - 2);
		ASSERT(memcmp(t.backs[0]->out, data + 2, size - 2) == 0);
		memory_text(&t, t.backs[0], "answer");
		ASSERT(t.client->out_end == 6 && memcmp(t.client->out, "answer", 6) == 0);
	} else {
		ASSERT(t.client->out_end == (whole && answers ? t.verdict.answer.len : 0));
	}
	memory_end(&t, t.client);
	through_done_all(&t);
	return 0;
}
