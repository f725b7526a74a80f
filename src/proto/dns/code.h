/* The small numbers of a DNS message and their names: rcodes, opcodes, classes, header flags,
 * extended errors. Knows nothing of record types (type.h) nor of where in a message a number
 * stands. */
#ifndef PROTO_DNS_CODE_H
#define PROTO_DNS_CODE_H

#include "base/err.h"
#include "base/span.h"

#include <stdint.h>

/* RFC 6895 2.3. Above 15 an rcode needs EDNS: its upper 8 bits travel in the OPT record. */
enum dns_rcode {
	DNS_RCODE_NOERROR = 0,
	DNS_RCODE_FORMERR = 1,
	DNS_RCODE_SERVFAIL = 2,
	DNS_RCODE_NXDOMAIN = 3,
	DNS_RCODE_NOTIMP = 4,
	DNS_RCODE_REFUSED = 5,
	DNS_RCODE_YXDOMAIN = 6,
	DNS_RCODE_YXRRSET = 7,
	DNS_RCODE_NXRRSET = 8,
	DNS_RCODE_NOTAUTH = 9,
	DNS_RCODE_NOTZONE = 10,
	DNS_RCODE_DSOTYPENI = 11,
	DNS_RCODE_BADVERS = 16, /* in an OPT; the same number is BADSIG in a TSIG */
	DNS_RCODE_BADKEY = 17,
	DNS_RCODE_BADTIME = 18,
	DNS_RCODE_BADMODE = 19,
	DNS_RCODE_BADNAME = 20,
	DNS_RCODE_BADALG = 21,
	DNS_RCODE_BADTRUNC = 22,
	DNS_RCODE_BADCOOKIE = 23,
};

enum dns_opcode {
	DNS_OPCODE_QUERY = 0,
	DNS_OPCODE_IQUERY = 1,
	DNS_OPCODE_STATUS = 2,
	DNS_OPCODE_NOTIFY = 4,
	DNS_OPCODE_UPDATE = 5,
	DNS_OPCODE_DSO = 6,
};

enum dns_class {
	DNS_CLASS_IN = 1,
	DNS_CLASS_CH = 3,
	DNS_CLASS_HS = 4,
	DNS_CLASS_NONE = 254,
	DNS_CLASS_ANY = 255,
};

/* Octets 2 and 3 of the header as one number, RFC 1035 4.1.1 and RFC 4035 3.1.6. */
enum dns_flag {
	DNS_FLAG_QR = 0x8000,
	DNS_FLAG_AA = 0x0400,
	DNS_FLAG_TC = 0x0200,
	DNS_FLAG_RD = 0x0100,
	DNS_FLAG_RA = 0x0080,
	DNS_FLAG_Z = 0x0040,
	DNS_FLAG_AD = 0x0020,
	DNS_FLAG_CD = 0x0010,
};
#define DNS_FLAGS_OPCODE_MASK  0x7800
#define DNS_FLAGS_OPCODE_SHIFT 11
#define DNS_FLAGS_RCODE_MASK   0x000f

/* EDNS option codes that this tree reads or writes. */
enum dns_option {
	DNS_OPTION_NSID = 3,	       /* RFC 5001 */
	DNS_OPTION_CLIENT_SUBNET = 8,  /* RFC 7871 */
	DNS_OPTION_COOKIE = 10,	       /* RFC 7873 */
	DNS_OPTION_TCP_KEEPALIVE = 11, /* RFC 7828 */
	DNS_OPTION_PADDING = 12,       /* RFC 7830 */
	DNS_OPTION_EDE = 15,	       /* RFC 8914 */
};

/* Extended DNS errors, RFC 8914 5.2; 25 and on from the IANA registry. */
enum dns_ede {
	DNS_EDE_OTHER = 0,
	DNS_EDE_UNSUPPORTED_DNSKEY_ALGORITHM = 1,
	DNS_EDE_UNSUPPORTED_DS_DIGEST_TYPE = 2,
	DNS_EDE_STALE_ANSWER = 3,
	DNS_EDE_FORGED_ANSWER = 4,
	DNS_EDE_DNSSEC_INDETERMINATE = 5,
	DNS_EDE_DNSSEC_BOGUS = 6,
	DNS_EDE_SIGNATURE_EXPIRED = 7,
	DNS_EDE_SIGNATURE_NOT_YET_VALID = 8,
	DNS_EDE_DNSKEY_MISSING = 9,
	DNS_EDE_RRSIGS_MISSING = 10,
	DNS_EDE_NO_ZONE_KEY_BIT_SET = 11,
	DNS_EDE_NSEC_MISSING = 12,
	DNS_EDE_CACHED_ERROR = 13,
	DNS_EDE_NOT_READY = 14,
	DNS_EDE_BLOCKED = 15,
	DNS_EDE_CENSORED = 16,
	DNS_EDE_FILTERED = 17,
	DNS_EDE_PROHIBITED = 18,
	DNS_EDE_STALE_NXDOMAIN_ANSWER = 19,
	DNS_EDE_NOT_AUTHORITATIVE = 20,
	DNS_EDE_NOT_SUPPORTED = 21,
	DNS_EDE_NO_REACHABLE_AUTHORITY = 22,
	DNS_EDE_NETWORK_ERROR = 23,
	DNS_EDE_INVALID_DATA = 24,
	DNS_EDE_SIGNATURE_EXPIRED_BEFORE_VALID = 25,
	DNS_EDE_TOO_EARLY = 26,
	DNS_EDE_UNSUPPORTED_NSEC3_ITERATIONS = 27,
	DNS_EDE_UNABLE_TO_CONFORM_TO_POLICY = 28,
	DNS_EDE_SYNTHESIZED = 29,
	DNS_EDE_INVALID_QUERY_TYPE = 30,
};

/* "NXDOMAIN", "QUERY", "IN", "Stale Answer"; NULL for a number without a name. */
const char *dns_rcode_text(unsigned rcode);
const char *dns_opcode_text(unsigned opcode);
const char *dns_class_text(unsigned class);
const char *dns_ede_text(unsigned ede);
const char *dns_option_text(unsigned option);

/* Case aside. RCODEn is not a form of rcodes; CLASSn (RFC 3597 5) is one of classes. ERR_FORMAT if
 * unknown. */
MUST enum err dns_rcode_from_text(struct span text, uint16_t *ret);
MUST enum err dns_opcode_from_text(struct span text, uint8_t *ret);
MUST enum err dns_class_from_text(struct span text, uint16_t *ret);

/* Room for the name or, for a number without one, "RCODE4095", "OPCODE15", "CLASS65535". */
#define DNS_CODE_TEXT_MAX 16
const char *dns_rcode_format(unsigned rcode, char buf[DNS_CODE_TEXT_MAX]);
const char *dns_opcode_format(unsigned opcode, char buf[DNS_CODE_TEXT_MAX]);
const char *dns_class_format(unsigned class, char buf[DNS_CODE_TEXT_MAX]);

#endif
