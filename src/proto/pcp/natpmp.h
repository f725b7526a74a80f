/* The messages of NAT-PMP (RFC 6886), the older tongue of PCP's port. Knows no mapping. */
#ifndef PROTO_PCP_NATPMP_H
#define PROTO_PCP_NATPMP_H

#include "proto/ip/address.h"

struct writer;

enum {
	NATPMP_VERSION = 0,
	NATPMP_ANSWER_MAX = 16,
};

enum natpmp_opcode { NATPMP_ADDRESS = 0, NATPMP_MAP_UDP = 1, NATPMP_MAP_TCP = 2 };

/* RFC 6886 3.5. */
enum natpmp_result {
	NATPMP_SUCCESS,
	NATPMP_UNSUPP_VERSION,
	NATPMP_NOT_AUTHORIZED,
	NATPMP_NETWORK_FAILURE,
	NATPMP_NO_RESOURCES,
	NATPMP_UNSUPP_OPCODE,
};

struct natpmp_request {
	uint8_t version, opcode;
	/* Of a mapping (RFC 6886 3.3); in an answer: as granted. */
	uint16_t internal_port, external_port;
	uint32_t lifetime_s;
};

/* False: no answer is due, ret is untouched: torn, or an answer itself (RFC 6886 3.5: "opcodes
 * greater than or equal to 128 ... MUST silently be ignored"). True: ret_result is what is wrong.
 */
MUST bool natpmp_request_read(struct span wire, struct natpmp_request *ret,
			      enum natpmp_result *ret_result);

/* RFC 6886 3.2: also what is told unasked when the address changes. address: of family 4; without
 * one, or with a result that is not success, 0.0.0.0 is sent. */
void natpmp_write_address(struct writer *w, enum natpmp_result result, uint32_t epoch_s,
			  const struct ip_address *address);

/* The answer to any other request; ports and lifetime stand in it when q asks for a mapping. */
void natpmp_write_answer(struct writer *w, const struct natpmp_request *q,
			 enum natpmp_result result, uint32_t epoch_s);

#endif
