#include "proto/pcp/natpmp.h"

#include "base/reader.h"
#include "base/writer.h"

enum { ANSWER_BIT = 0x80 };

bool natpmp_request_read(struct span wire, struct natpmp_request *ret,
			 enum natpmp_result *ret_result)
{
	struct reader r = reader_of_span(wire);
	struct natpmp_request q = {.version = read_u8(&r), .opcode = read_u8(&r)};
	if (r.bad || (q.opcode & ANSWER_BIT))
		return false;
	enum natpmp_result result = NATPMP_SUCCESS;
	if (q.version != NATPMP_VERSION) {
		result = NATPMP_UNSUPP_VERSION;
	} else if (q.opcode > NATPMP_MAP_TCP) {
		result = NATPMP_UNSUPP_OPCODE;
	} else if (q.opcode != NATPMP_ADDRESS) {
		reader_skip(&r, 2);
		q.internal_port = read_u16(&r);
		q.external_port = read_u16(&r);
		q.lifetime_s = read_u32(&r);
		if (r.bad)
			return false;
	}
	*ret = q;
	*ret_result = result;
	return true;
}

static void write_head(struct writer *w, uint8_t opcode, enum natpmp_result result,
		       uint32_t epoch_s)
{
	write_u8(w, NATPMP_VERSION);
	write_u8(w, opcode | ANSWER_BIT);
	write_u16(w, (uint16_t)result);
	write_u32(w, epoch_s);
}

void natpmp_write_address(struct writer *w, enum natpmp_result result, uint32_t epoch_s,
			  const struct ip_address *address)
{
	/* RFC 6886 3.2: "If the result code is non-zero, the value of the External IPv4 Address
	 * field is undefined (MUST be set to zero on transmission ...)". */
	static const struct ip_address none = {.family = 4};
	write_head(w, NATPMP_ADDRESS, result, epoch_s);
	write_span(w, ip_address_span(result || address->family != 4 ? &none : address));
}

void natpmp_write_answer(struct writer *w, const struct natpmp_request *q,
			 enum natpmp_result result, uint32_t epoch_s)
{
	write_head(w, q->opcode, result, epoch_s);
	if (q->version != NATPMP_VERSION || q->opcode == NATPMP_ADDRESS ||
	    q->opcode > NATPMP_MAP_TCP)
		return;
	write_u16(w, q->internal_port);
	write_u16(w, q->external_port);
	write_u32(w, q->lifetime_s);
}
