#include "proto/pcp/message.h"

#include "base/writer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An answer made a request again must say what the request said. */
static void check_answer(const struct pcp_request *q)
{
	uint8_t room[PCP_MESSAGE_MAX];
	struct pcp_request back;
	enum pcp_result result;
	struct writer w = writer_of(room, sizeof(room));
	pcp_write_answer(&w, q, q->lifetime_s, 7);
	ASSERT(!w.bad && w.pos % 4 == 0);
	size_t len = w.pos;
	room[1] &= 0x7f;
	w.pos = 8;
	pcp_write_address(&w, &q->client);
	ASSERT(pcp_request_read(span_of(room, len), &back, &result) && result == PCP_SUCCESS);
	ASSERT(back.opcode == q->opcode && back.lifetime_s == q->lifetime_s &&
	       back.protocol == q->protocol && back.internal_port == q->internal_port &&
	       memcmp(back.nonce, q->nonce, sizeof(q->nonce)) == 0 &&
	       ip_endpoint_equal(&back.external, &q->external) &&
	       ip_endpoint_equal(&back.remote, &q->remote) && back.third_party == q->third_party &&
	       back.prefer_failure == q->prefer_failure &&
	       ip_address_equal(&back.third, &q->third) && back.filters_n == q->filters_n);
	for (size_t i = 0; i < q->filters_n; i++)
		ASSERT(ip_prefix_equal(&back.filters[i].remote, &q->filters[i].remote) &&
		       back.filters[i].port == q->filters[i].port);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t room[PCP_MESSAGE_MAX];
	struct pcp_request q, error;
	enum pcp_result result, of_error;
	if (!pcp_request_read(span_of(data, size), &q, &result))
		return 0;
	if (result == PCP_SUCCESS)
		check_answer(&q);
	struct writer w = writer_of(room, sizeof(room));
	pcp_write_error(&w, span_of(data, size), result, 30, 7);
	ASSERT(!w.bad && w.pos % 4 == 0 && w.pos >= PCP_HEADER_LEN);
	ASSERT(w.pos <= (size < PCP_HEADER_LEN ? PCP_HEADER_LEN : size + 3));
	ASSERT(!pcp_request_read(writer_span(&w), &error, &of_error));
	return 0;
}
