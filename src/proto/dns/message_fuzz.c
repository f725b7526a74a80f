#include "proto/dns/message.h"
#include "proto/dns/rebuild.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What a server reads and what any program reads must agree on good queries. */
static void check_query(struct span message)
{
	static struct dns_query q;
	struct dns_message m;
	if (dns_query_read(message, &q) != DNS_QUERY_ANSWER)
		return;
	ASSERT(dns_message_read(message, &m) == OK);
	ASSERT(m.has_question && q.has_question);
	ASSERT(span_equal(m.question.wire, q.question.wire));
	ASSERT(m.question.type == q.question.type && m.question.class == q.question.class);
	ASSERT(dns_name_equal(&m.question.name, &q.question.name));
	ASSERT(m.edns.present == q.edns.present && m.tsig_at == q.tsig_at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span message = span_of(data, size);
	struct dns_message m;
	check_query(message);
	if (dns_message_read(message, &m) != OK)
		return 0;
	rebuild_check(message, DNS_MESSAGE_MAX);
	/* Every limit cuts somewhere else: one that the message itself chooses. */
	rebuild_check(message, DNS_HEADER_LEN + m.header.id % (size + 64));
	return 0;
}
