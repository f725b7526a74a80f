#include "proto/dns/code.h"

struct code {
	uint16_t number;
	const char *text;
};

static const struct code rcodes[] = {
	{DNS_RCODE_NOERROR, "NOERROR"},	  {DNS_RCODE_FORMERR, "FORMERR"},
	{DNS_RCODE_SERVFAIL, "SERVFAIL"}, {DNS_RCODE_NXDOMAIN, "NXDOMAIN"},
	{DNS_RCODE_NOTIMP, "NOTIMP"},	  {DNS_RCODE_REFUSED, "REFUSED"},
	{DNS_RCODE_YXDOMAIN, "YXDOMAIN"}, {DNS_RCODE_YXRRSET, "YXRRSET"},
	{DNS_RCODE_NXRRSET, "NXRRSET"},	  {DNS_RCODE_NOTAUTH, "NOTAUTH"},
	{DNS_RCODE_NOTZONE, "NOTZONE"},	  {DNS_RCODE_DSOTYPENI, "DSOTYPENI"},
	{DNS_RCODE_BADVERS, "BADVERS"},	  {DNS_RCODE_BADKEY, "BADKEY"},
	{DNS_RCODE_BADTIME, "BADTIME"},	  {DNS_RCODE_BADMODE, "BADMODE"},
	{DNS_RCODE_BADNAME, "BADNAME"},	  {DNS_RCODE_BADALG, "BADALG"},
	{DNS_RCODE_BADTRUNC, "BADTRUNC"}, {DNS_RCODE_BADCOOKIE, "BADCOOKIE"},
};

static const struct code opcodes[] = {
	{DNS_OPCODE_QUERY, "QUERY"},   {DNS_OPCODE_IQUERY, "IQUERY"}, {DNS_OPCODE_STATUS, "STATUS"},
	{DNS_OPCODE_NOTIFY, "NOTIFY"}, {DNS_OPCODE_UPDATE, "UPDATE"}, {DNS_OPCODE_DSO, "DSO"},
};

static const struct code classes[] = {
	{DNS_CLASS_IN, "IN"},	  {DNS_CLASS_CH, "CH"},	  {DNS_CLASS_HS, "HS"},
	{DNS_CLASS_NONE, "NONE"}, {DNS_CLASS_ANY, "ANY"},
};

static const struct code options[] = {
	{DNS_OPTION_NSID, "NSID"},	 {DNS_OPTION_CLIENT_SUBNET, "CLIENT-SUBNET"},
	{DNS_OPTION_COOKIE, "COOKIE"},	 {DNS_OPTION_TCP_KEEPALIVE, "TCP-KEEPALIVE"},
	{DNS_OPTION_PADDING, "PADDING"}, {DNS_OPTION_EDE, "EDE"},
};

/* The registry's words, "Extended DNS Error Codes". */
static const struct code edes[] = {
	{DNS_EDE_OTHER, "Other Error"},
	{DNS_EDE_UNSUPPORTED_DNSKEY_ALGORITHM, "Unsupported DNSKEY Algorithm"},
	{DNS_EDE_UNSUPPORTED_DS_DIGEST_TYPE, "Unsupported DS Digest Type"},
	{DNS_EDE_STALE_ANSWER, "Stale Answer"},
	{DNS_EDE_FORGED_ANSWER, "Forged Answer"},
	{DNS_EDE_DNSSEC_INDETERMINATE, "DNSSEC Indeterminate"},
	{DNS_EDE_DNSSEC_BOGUS, "DNSSEC Bogus"},
	{DNS_EDE_SIGNATURE_EXPIRED, "Signature Expired"},
	{DNS_EDE_SIGNATURE_NOT_YET_VALID, "Signature Not Yet Valid"},
	{DNS_EDE_DNSKEY_MISSING, "DNSKEY Missing"},
	{DNS_EDE_RRSIGS_MISSING, "RRSIGs Missing"},
	{DNS_EDE_NO_ZONE_KEY_BIT_SET, "No Zone Key Bit Set"},
	{DNS_EDE_NSEC_MISSING, "NSEC Missing"},
	{DNS_EDE_CACHED_ERROR, "Cached Error"},
	{DNS_EDE_NOT_READY, "Not Ready"},
	{DNS_EDE_BLOCKED, "Blocked"},
	{DNS_EDE_CENSORED, "Censored"},
	{DNS_EDE_FILTERED, "Filtered"},
	{DNS_EDE_PROHIBITED, "Prohibited"},
	{DNS_EDE_STALE_NXDOMAIN_ANSWER, "Stale NXDomain Answer"},
	{DNS_EDE_NOT_AUTHORITATIVE, "Not Authoritative"},
	{DNS_EDE_NOT_SUPPORTED, "Not Supported"},
	{DNS_EDE_NO_REACHABLE_AUTHORITY, "No Reachable Authority"},
	{DNS_EDE_NETWORK_ERROR, "Network Error"},
	{DNS_EDE_INVALID_DATA, "Invalid Data"},
	{DNS_EDE_SIGNATURE_EXPIRED_BEFORE_VALID, "Signature Expired before Valid"},
	{DNS_EDE_TOO_EARLY, "Too Early"},
	{DNS_EDE_UNSUPPORTED_NSEC3_ITERATIONS, "Unsupported NSEC3 Iterations Value"},
	{DNS_EDE_UNABLE_TO_CONFORM_TO_POLICY, "Unable to conform to policy"},
	{DNS_EDE_SYNTHESIZED, "Synthesized"},
	{DNS_EDE_INVALID_QUERY_TYPE, "Invalid Query Type"},
};

#define LEN(table) (sizeof(table) / sizeof((table)[0]))

static const char *text_of(const struct code *table, size_t len, unsigned number)
{
	for (size_t i = 0; i < len; i++)
		if (table[i].number == number)
			return table[i].text;
	return NULL;
}

static enum err number_of(const struct code *table, size_t len, struct span text, uint16_t *ret)
{
	for (size_t i = 0; i < len; i++) {
		if (span_equal_nocase(span_text(table[i].text), text)) {
			*ret = table[i].number;
			return OK;
		}
	}
	return ERR_FORMAT;
}

const char *dns_rcode_text(unsigned rcode)
{
	return text_of(rcodes, LEN(rcodes), rcode);
}

const char *dns_opcode_text(unsigned opcode)
{
	return text_of(opcodes, LEN(opcodes), opcode);
}

const char *dns_class_text(unsigned class)
{
	return text_of(classes, LEN(classes), class);
}

const char *dns_ede_text(unsigned ede)
{
	return text_of(edes, LEN(edes), ede);
}

const char *dns_option_text(unsigned option)
{
	return text_of(options, LEN(options), option);
}

enum err dns_rcode_from_text(struct span text, uint16_t *ret)
{
	return number_of(rcodes, LEN(rcodes), text, ret);
}

enum err dns_opcode_from_text(struct span text, uint8_t *ret)
{
	uint16_t number = 0;
	TRY(number_of(opcodes, LEN(opcodes), text, &number));
	*ret = (uint8_t)number;
	return OK;
}

enum err dns_class_from_text(struct span text, uint16_t *ret)
{
	if (number_of(classes, LEN(classes), text, ret) == OK)
		return OK;
	uint64_t number = 0;
	if (!span_equal_nocase(span_sub(text, 0, 5), span_text("CLASS")) ||
	    !span_to_u64(span_sub(text, 5, text.len), UINT16_MAX, &number))
		return ERR_FORMAT;
	*ret = (uint16_t)number;
	return OK;
}

/* The name, or prefix and number; all fit in DNS_CODE_TEXT_MAX. */
static const char *format(const char *name, const char *prefix, unsigned number,
			  char buf[DNS_CODE_TEXT_MAX])
{
	size_t n = 0;
	for (const char *from = name ? name : prefix; *from; from++)
		buf[n++] = *from;
	if (!name) {
		unsigned scale = 1;
		while (number / scale >= 10)
			scale *= 10;
		for (; scale; scale /= 10)
			buf[n++] = (char)('0' + number / scale % 10);
	}
	buf[n] = '\0';
	return buf;
}

const char *dns_rcode_format(unsigned rcode, char buf[DNS_CODE_TEXT_MAX])
{
	ASSERT(rcode <= UINT16_MAX);
	return format(dns_rcode_text(rcode), "RCODE", rcode, buf);
}

const char *dns_opcode_format(unsigned opcode, char buf[DNS_CODE_TEXT_MAX])
{
	ASSERT(opcode <= UINT16_MAX);
	return format(dns_opcode_text(opcode), "OPCODE", opcode, buf);
}

const char *dns_class_format(unsigned class, char buf[DNS_CODE_TEXT_MAX])
{
	ASSERT(class <= UINT16_MAX);
	return format(dns_class_text(class), "CLASS", class, buf);
}
