/* The messages of the Port Control Protocol (RFC 6887): requests to structs, answers and
 * announcements to bytes. Knows no mapping and decides nothing but whether a message is right. */
#ifndef PROTO_PCP_MESSAGE_H
#define PROTO_PCP_MESSAGE_H

#include "proto/ip/address.h"
#include "proto/ip/prefix.h"

struct writer;

enum {
	PCP_VERSION = 2,
	PCP_SERVER_PORT = 5351, /* NAT-PMP's as well */
	PCP_CLIENT_PORT = 5350, /* announcements go there */
	PCP_MESSAGE_MAX = 1100, /* RFC 6887 7 */
	PCP_HEADER_LEN = 24,
	PCP_NONCE_LEN = 12,
	/* How many FILTER options of one request we keep; more are EXCESSIVE_REMOTE_PEERS. */
	PCP_FILTERS_MAX = 8,
};

enum pcp_opcode { PCP_ANNOUNCE = 0, PCP_MAP = 1, PCP_PEER = 2 };

enum pcp_option { PCP_THIRD_PARTY = 1, PCP_PREFER_FAILURE = 2, PCP_FILTER = 3 };

/* RFC 6887 7.4. */
enum pcp_result {
	PCP_SUCCESS,
	PCP_UNSUPP_VERSION,
	PCP_NOT_AUTHORIZED,
	PCP_MALFORMED_REQUEST,
	PCP_UNSUPP_OPCODE,
	PCP_UNSUPP_OPTION,
	PCP_MALFORMED_OPTION,
	PCP_NETWORK_FAILURE,
	PCP_NO_RESOURCES,
	PCP_UNSUPP_PROTOCOL,
	PCP_USER_EX_QUOTA,
	PCP_CANNOT_PROVIDE_EXTERNAL,
	PCP_ADDRESS_MISMATCH,
	PCP_EXCESSIVE_REMOTE_PEERS,
	PCP_RESULTS,
};

/* "CANNOT_PROVIDE_EXTERNAL"; never NULL. */
const char *pcp_result_name(enum pcp_result result);

/* RFC 6887 13.3. */
struct pcp_filter {
	struct ip_prefix remote; /* family 0: all filters before this one are to go */
	uint16_t port;		 /* 0: all */
};

/* An address is of family 4 when it was IPv4-mapped (RFC 6887 5): 0.0.0.0 stands for "some IPv4
 * address", :: for "some IPv6 address". */
struct pcp_request {
	uint8_t version;
	uint8_t opcode; /* enum pcp_opcode, or any other with PCP_UNSUPP_OPCODE */
	uint32_t lifetime_s;
	struct ip_address client; /* as the header says */
	/* MAP and PEER; zeros with ANNOUNCE. */
	uint8_t nonce[PCP_NONCE_LEN];
	uint8_t protocol; /* IANA's number; 0: all */
	uint16_t internal_port;
	struct ip_endpoint external; /* suggested; in an answer: assigned */
	struct ip_endpoint remote;   /* PEER: the far end */
	bool third_party, prefer_failure;
	struct ip_address third; /* with third_party: whose port it is */
	struct pcp_filter filters[PCP_FILTERS_MAX];
	size_t filters_n;
};

/* Reads a request. False: no answer is due, ret is untouched (RFC 6887 8.2: shorter than two
 * octets, or an answer itself). True: ret has what could be read, and ret_result what is wrong with
 * it, or PCP_SUCCESS. Version 0, which is NAT-PMP, is PCP_UNSUPP_VERSION here. */
MUST bool pcp_request_read(struct span wire, struct pcp_request *ret, enum pcp_result *ret_result);

/* The answer to a request that was granted: of it nonce, ports, addresses and options that were
 * obeyed stand in the answer (RFC 6887 7.3). lifetime_s: granted. */
void pcp_write_answer(struct writer *w, const struct pcp_request *granted, uint32_t lifetime_s,
		      uint32_t epoch_s);

/* The answer to one that was not: the request itself, at most PCP_MESSAGE_MAX octets of it, under
 * the head of an answer (RFC 6887 8.3). lifetime_s: how long the client shall expect no better. */
void pcp_write_error(struct writer *w, struct span request, enum pcp_result result,
		     uint32_t lifetime_s, uint32_t epoch_s);

/* The answer to ANNOUNCE, which unasked tells that the epoch began anew (RFC 6887 14.1). */
void pcp_write_announce(struct writer *w, uint32_t epoch_s);

/* An address in the 16 octets that all messages use (RFC 6887 5). */
void pcp_write_address(struct writer *w, const struct ip_address *a);

#endif
