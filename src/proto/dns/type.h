/* The one table of DNS record types: number, mnemonic, the fields of the rdata, and what the type
 * means to a server. Knows neither how a field is read nor any record. */
#ifndef PROTO_DNS_TYPE_H
#define PROTO_DNS_TYPE_H

#include "base/err.h"
#include "base/span.h"

struct writer;

/* IANA "Resource Record (RR) TYPEs". A type on the wire is any uint16_t, listed here or not. */
enum dns_type {
	DNS_TYPE_A = 1,
	DNS_TYPE_NS = 2,
	DNS_TYPE_MD = 3,
	DNS_TYPE_MF = 4,
	DNS_TYPE_CNAME = 5,
	DNS_TYPE_SOA = 6,
	DNS_TYPE_MB = 7,
	DNS_TYPE_MG = 8,
	DNS_TYPE_MR = 9,
	DNS_TYPE_NULL = 10,
	DNS_TYPE_PTR = 12,
	DNS_TYPE_HINFO = 13,
	DNS_TYPE_MINFO = 14,
	DNS_TYPE_MX = 15,
	DNS_TYPE_TXT = 16,
	DNS_TYPE_RP = 17,
	DNS_TYPE_AFSDB = 18,
	DNS_TYPE_X25 = 19,
	DNS_TYPE_ISDN = 20,
	DNS_TYPE_RT = 21,
	DNS_TYPE_NSAP = 22,
	DNS_TYPE_SIG = 24,
	DNS_TYPE_KEY = 25,
	DNS_TYPE_PX = 26,
	DNS_TYPE_GPOS = 27,
	DNS_TYPE_AAAA = 28,
	DNS_TYPE_LOC = 29,
	DNS_TYPE_SRV = 33,
	DNS_TYPE_NAPTR = 35,
	DNS_TYPE_KX = 36,
	DNS_TYPE_CERT = 37,
	DNS_TYPE_DNAME = 39,
	DNS_TYPE_OPT = 41,
	DNS_TYPE_APL = 42,
	DNS_TYPE_DS = 43,
	DNS_TYPE_SSHFP = 44,
	DNS_TYPE_IPSECKEY = 45,
	DNS_TYPE_RRSIG = 46,
	DNS_TYPE_NSEC = 47,
	DNS_TYPE_DNSKEY = 48,
	DNS_TYPE_DHCID = 49,
	DNS_TYPE_NSEC3 = 50,
	DNS_TYPE_NSEC3PARAM = 51,
	DNS_TYPE_TLSA = 52,
	DNS_TYPE_SMIMEA = 53,
	DNS_TYPE_HIP = 55,
	DNS_TYPE_CDS = 59,
	DNS_TYPE_CDNSKEY = 60,
	DNS_TYPE_OPENPGPKEY = 61,
	DNS_TYPE_CSYNC = 62,
	DNS_TYPE_ZONEMD = 63,
	DNS_TYPE_SVCB = 64,
	DNS_TYPE_HTTPS = 65,
	DNS_TYPE_DSYNC = 66,
	DNS_TYPE_SPF = 99,
	DNS_TYPE_NID = 104,
	DNS_TYPE_L32 = 105,
	DNS_TYPE_L64 = 106,
	DNS_TYPE_LP = 107,
	DNS_TYPE_EUI48 = 108,
	DNS_TYPE_EUI64 = 109,
	DNS_TYPE_TKEY = 249,
	DNS_TYPE_TSIG = 250,
	DNS_TYPE_IXFR = 251,
	DNS_TYPE_AXFR = 252,
	DNS_TYPE_MAILB = 253,
	DNS_TYPE_MAILA = 254,
	DNS_TYPE_ANY = 255,
	DNS_TYPE_URI = 256,
	DNS_TYPE_CAA = 257,
	DNS_TYPE_AVC = 258,
	DNS_TYPE_AMTRELAY = 260,
	DNS_TYPE_RESINFO = 261,
	DNS_TYPE_WALLET = 262,
	DNS_TYPE_TA = 32768,
	DNS_TYPE_DLV = 32769,
};

/* What stands in the rdata, in order. The wire form and the text form both follow from it.
 * "to the end" fields are the last of their type. */
enum dns_field {
	DNS_FIELD_END = 0,
	DNS_FIELD_NAME_COMPRESS,   /* a name that we compress when we send (RFC 1035 types) */
	DNS_FIELD_NAME_DECOMPRESS, /* a name that may come compressed (RFC 3597 4) and leaves whole
				    */
	DNS_FIELD_NAME,		   /* a name that is never compressed */
	DNS_FIELD_NAMES,	   /* names to the end; may be none (HIP) */
	DNS_FIELD_U8,
	DNS_FIELD_U16,
	DNS_FIELD_U32,
	DNS_FIELD_U48,
	DNS_FIELD_PERIOD,     /* u32 seconds; text takes units (SOA) */
	DNS_FIELD_TIME,	      /* u32 serial time; text YYYYMMDDHHmmSS (RFC 4034 3.2) */
	DNS_FIELD_TYPE,	      /* u16 type; text is a mnemonic */
	DNS_FIELD_ALGORITHM,  /* u8 DNSSEC algorithm; text takes a mnemonic */
	DNS_FIELD_CERT_TYPE,  /* u16; text takes a mnemonic (RFC 4398 2.1) */
	DNS_FIELD_IPV4,	      /* 4 bytes */
	DNS_FIELD_IPV6,	      /* 16 bytes */
	DNS_FIELD_STRING,     /* character-string: u8 length and bytes */
	DNS_FIELD_STRING_OPT, /* the same, or nothing (ISDN) */
	DNS_FIELD_STRINGS,    /* one or more character-strings to the end */
	DNS_FIELD_TAG,	      /* u8 length and 1..255 letters and digits (RFC 8659 4.1) */
	DNS_FIELD_TEXT,	      /* bytes to the end, a quoted string in text (CAA, URI) */
	DNS_FIELD_HEX,	      /* bytes to the end, at least one */
	DNS_FIELD_HEX_LEN8,   /* u8 length and bytes, "-" when empty (NSEC3 salt) */
	DNS_FIELD_BASE64,     /* bytes to the end, at least one */
	DNS_FIELD_BASE64_OPT, /* the same, or none (KEY, IPSECKEY) */
	DNS_FIELD_BASE64_LEN16,
	DNS_FIELD_BASE32HEX_LEN8, /* u8 length and at least one byte (NSEC3 next owner) */
	DNS_FIELD_BITMAP,	  /* type bitmap to the end (RFC 4034 4.1.2) */
	DNS_FIELD_LOC,		  /* the whole of RFC 1876 */
	DNS_FIELD_NSAP,		  /* 0x and hex with dots (RFC 1706) */
	DNS_FIELD_APL,		  /* address prefix list to the end (RFC 3123) */
	DNS_FIELD_HIP,		  /* lengths, algorithm, HIT and key (RFC 8005 5); names follow */
	DNS_FIELD_GATEWAY,	  /* precedence, type, algorithm, gateway (RFC 4025 2) */
	DNS_FIELD_RELAY,	  /* precedence, D and type, relay (RFC 8777 4) */
	DNS_FIELD_SVCPARAMS,	  /* to the end (RFC 9460 2.2) */
	DNS_FIELD_EUI48,	  /* 6 bytes (RFC 7043) */
	DNS_FIELD_EUI64,	  /* 8 bytes */
	DNS_FIELD_LOCATOR64,	  /* 8 bytes as four groups of hex (RFC 6742) */
	DNS_FIELD_RAW,		  /* any bytes to the end; text only as \# (NULL, OPT) */
};

/* Flags of a type. */
#define DNS_TYPE_SINGLETON  0x01u /* one record at an owner: SOA, CNAME, DNAME, NSEC ... */
#define DNS_TYPE_META	    0x02u /* never stored: OPT, TSIG, TKEY and every query type */
#define DNS_TYPE_QUERY	    0x04u /* only in a question: IXFR AXFR MAILB MAILA ANY */
#define DNS_TYPE_LOWER	    0x08u /* canonical form lowers the names (RFC 4034 6.2, 6840 5.1) */
#define DNS_TYPE_ADDITIONAL 0x10u /* the first name of the rdata asks for its addresses */
#define DNS_TYPE_COMPRESSED 0x20u /* has a DNS_FIELD_NAME_COMPRESS */
#define DNS_TYPE_NAMES	    0x40u /* has a name of any kind */

#define DNS_TYPE_FIELDS_MAX 10

struct dns_type_info {
	uint16_t type;
	uint8_t flags;			     /* DNS_TYPE_SINGLETON ... */
	uint8_t fields[DNS_TYPE_FIELDS_MAX]; /* enum dns_field, ended by DNS_FIELD_END */
	char mnemonic[12];		     /* upper case, NUL-terminated */
};

#define DNS_TYPE_TEXT_MAX 12 /* "NSEC3PARAM", "TYPE65535" and a NUL fit */

/* NULL for a type that the table does not know: its rdata is opaque (RFC 3597). O(1). */
const struct dns_type_info *dns_type_find(uint16_t type);

/* The flags of a type; 0 for an unknown one, DNS_TYPE_META for the unknown of 128..255
 * (RFC 6895 3.1: Q and meta types). */
unsigned dns_type_flags(uint16_t type);

/* A mnemonic in any case, "*" aside, or TYPEnnn (RFC 3597 5). False when it is neither. */
MUST bool dns_type_from_text(struct span text, uint16_t *ret);

/* The mnemonic, or TYPEnnn, with a NUL. Returns ret. */
const char *dns_type_format(uint16_t type, char ret[DNS_TYPE_TEXT_MAX]);

/* The same, without the NUL, at the writer. */
void dns_type_write(uint16_t type, struct writer *w);

#endif
