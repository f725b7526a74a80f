/* A proxy of others that answers CONNECT with anything, in any pieces: what its client gets is ours
 * until a 2xx has ended, and from then on what follows it, octet by octet; it is told the question
 * and nothing else before. */
#define MEMORY_SIZE (1 << 17)
#include "proxy/memory_test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define QUESTION                                                                                   \
	"CONNECT www.example:443 HTTP/1.1\r\nHost: www.example:443\r\n"                            \
	"Proxy-Authorization: Basic x\r\n\r\n"
#define ANSWER "HTTP/1.1 200 OK\r\n\r\n"

static void check_tunnel(struct through *t, struct memory *b, struct span said)
{
	size_t ours = sizeof(ANSWER) - 1, theirs = t->client->out_end - ours;
	ASSERT(memcmp(t->client->out, ANSWER, ours) == 0);
	/* Behind a head's end, and that is of this answer. */
	ASSERT(theirs <= said.len && said.len - theirs >= sizeof("HTTP/1.1 200\r\n\r\n") - 1);
	struct span head = span_sub(said, 0, said.len - theirs);
	ASSERT(memcmp(head.data, "HTTP/1.", 7) == 0);
	ASSERT(memcmp(head.data + head.len - 4, "\r\n\r\n", 4) == 0);
	ASSERT(memcmp(t->client->out + ours, said.data + head.len, theirs) == 0);
	size_t before = b->out_end;
	memory_text(t, t->client, "on");
	ASSERT(b->closed || (b->out_end == before + 2 && memcmp(b->out + before, "on", 2) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct through t;
	static const struct proxy_hop_connect way = {
		.authority = {(const uint8_t *)"www.example:443", 15}};
	if (size < 2 || size > 40000)
		return 0;
	size_t piece = data[0] & 1 ? data[1] + 1u : (data[1] + 1u) * 97u;
	struct span said = span_of(data + 2, size - 2);
	through_init(&t);
	for (size_t i = 0; i < 2; i++) {
		t.hops[i].connect = &way;
		t.hops[i].protocol = PROXY_RAW;
		t.hops[i].authorization = span_text("Basic x");
	}
	t.verdict = (struct proxy_verdict){.kind = PROXY_TUNNEL};
	t.verdict_set = true;
	t.limits.tries_max = 1;
	memory_text(&t, t.client,
		    "CONNECT www.example:443 HTTP/1.1\r\nHost: www.example:443\r\n\r\n");
	struct memory *b = t.backs[0];
	ASSERT(b->out_end == sizeof(QUESTION) - 1 && memcmp(b->out, QUESTION, b->out_end) == 0);
	size_t at = 0;
	while (at < said.len && !b->closed) {
		struct span s = span_sub(said, at, piece);
		memory_send(&t, b, s);
		at += s.len;
	}
	if (data[0] & 2)
		memory_end(&t, b);
	else if (data[0] & 4)
		through_wait(&t, 600);
	bool leads = t.client->out_end >= sizeof(ANSWER) - 1 &&
		     memcmp(t.client->out, ANSWER, sizeof(ANSWER) - 1) == 0;
	ASSERT(b->out_end == sizeof(QUESTION) - 1); /* nobody has said anything else */
	if (leads)
		check_tunnel(&t, b, span_sub(said, 0, at));
	else if (b->closed)
		ASSERT(t.dones == 1 && t.status >= 400 && t.status != 407);
	/* Neither waits for ever. */
	if (data[0] & 6)
		ASSERT(leads || b->closed);
	memory_end(&t, t.client);
	through_done_all(&t);
	return 0;
}
