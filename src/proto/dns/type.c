#include "proto/dns/type.h"

#include "base/writer.h"

#define S    DNS_TYPE_SINGLETON
#define M    DNS_TYPE_META
#define Q    (DNS_TYPE_META | DNS_TYPE_QUERY)
#define L    (DNS_TYPE_LOWER | DNS_TYPE_NAMES)
#define C    (DNS_TYPE_LOWER | DNS_TYPE_NAMES | DNS_TYPE_COMPRESSED)
#define N    DNS_TYPE_NAMES
#define A    DNS_TYPE_ADDITIONAL
#define F(f) DNS_FIELD_##f

#define TYPE(name, flags, ...) [DNS_TYPE_##name] = {DNS_TYPE_##name, flags, {__VA_ARGS__}, #name}

#define KEY_FIELDS F(U16), F(U8), F(ALGORITHM), F(BASE64)
#define DS_FIELDS  F(U16), F(ALGORITHM), F(U8), F(HEX)
#define SIG_FIELDS(name)                                                                           \
	F(TYPE), F(ALGORITHM), F(U8), F(PERIOD), F(TIME), F(TIME), F(U16), F(name), F(BASE64)

/* RFC 1035 3.3 and 3.4 unless a line says else. Compression and lower case: RFC 3597 4, RFC 4034
 * 6.2 and RFC 6840 5.1 (NSEC's name keeps its case, RRSIG's does not). */
static const struct dns_type_info table[] = {
	TYPE(A, 0, F(IPV4)),
	TYPE(NS, C | A, F(NAME_COMPRESS)),
	TYPE(MD, C | A, F(NAME_COMPRESS)),
	TYPE(MF, C | A, F(NAME_COMPRESS)),
	TYPE(CNAME, C | S, F(NAME_COMPRESS)),
	TYPE(SOA, C | S, F(NAME_COMPRESS), F(NAME_COMPRESS), F(U32), F(PERIOD), F(PERIOD),
	     F(PERIOD), F(PERIOD)),
	TYPE(MB, C | A, F(NAME_COMPRESS)),
	TYPE(MG, C, F(NAME_COMPRESS)),
	TYPE(MR, C, F(NAME_COMPRESS)),
	TYPE(NULL, 0, F(RAW)),
	TYPE(PTR, C, F(NAME_COMPRESS)),
	TYPE(HINFO, 0, F(STRING), F(STRING)),
	TYPE(MINFO, C, F(NAME_COMPRESS), F(NAME_COMPRESS)),
	TYPE(MX, C | A, F(U16), F(NAME_COMPRESS)),
	TYPE(TXT, 0, F(STRINGS)),
	TYPE(RP, L, F(NAME_DECOMPRESS), F(NAME_DECOMPRESS)),	      /* RFC 1183 */
	TYPE(AFSDB, L | A, F(U16), F(NAME_DECOMPRESS)),		      /* RFC 1183 */
	TYPE(X25, 0, F(STRING)),				      /* RFC 1183 */
	TYPE(ISDN, 0, F(STRING), F(STRING_OPT)),		      /* RFC 1183 */
	TYPE(RT, L | A, F(U16), F(NAME_DECOMPRESS)),		      /* RFC 1183 */
	TYPE(NSAP, 0, F(NSAP)),					      /* RFC 1706 */
	TYPE(SIG, L, SIG_FIELDS(NAME_DECOMPRESS)),		      /* RFC 2535 4.1 */
	TYPE(KEY, 0, F(U16), F(U8), F(ALGORITHM), F(BASE64_OPT)),     /* RFC 2535 3.1 */
	TYPE(PX, L, F(U16), F(NAME_DECOMPRESS), F(NAME_DECOMPRESS)),  /* RFC 2163 */
	TYPE(GPOS, 0, F(STRING), F(STRING), F(STRING)),		      /* RFC 1712 */
	TYPE(AAAA, 0, F(IPV6)),					      /* RFC 3596 */
	TYPE(LOC, 0, F(LOC)),					      /* RFC 1876 */
	TYPE(SRV, L | A, F(U16), F(U16), F(U16), F(NAME_DECOMPRESS)), /* RFC 2782 */
	TYPE(NAPTR, L | A, F(U16), F(U16), F(STRING), F(STRING), F(STRING),
	     F(NAME_DECOMPRESS)),				      /* RFC 3403 */
	TYPE(KX, L | A, F(U16), F(NAME)),			      /* RFC 2230 */
	TYPE(CERT, 0, F(CERT_TYPE), F(U16), F(ALGORITHM), F(BASE64)), /* RFC 4398 */
	TYPE(DNAME, L | S, F(NAME)),				      /* RFC 6672 */
	TYPE(OPT, M, F(RAW)),					      /* RFC 6891 */
	TYPE(APL, 0, F(APL)),					      /* RFC 3123 */
	TYPE(DS, 0, DS_FIELDS),					      /* RFC 4034 5 */
	TYPE(SSHFP, 0, F(U8), F(U8), F(HEX)),			      /* RFC 4255 */
	TYPE(IPSECKEY, N, F(GATEWAY), F(BASE64_OPT)),		      /* RFC 4025 */
	TYPE(RRSIG, L, SIG_FIELDS(NAME)),			      /* RFC 4034 3 */
	TYPE(NSEC, N | S, F(NAME), F(BITMAP)),			      /* RFC 4034 4 */
	TYPE(DNSKEY, 0, KEY_FIELDS),				      /* RFC 4034 2 */
	TYPE(DHCID, 0, F(BASE64)),				      /* RFC 4701 */
	TYPE(NSEC3, 0, F(U8), F(U8), F(U16), F(HEX_LEN8), F(BASE32HEX_LEN8), F(BITMAP)), /* 5155 */
	TYPE(NSEC3PARAM, 0, F(U8), F(U8), F(U16), F(HEX_LEN8)), /* RFC 5155 4 */
	TYPE(TLSA, 0, F(U8), F(U8), F(U8), F(HEX)),		/* RFC 6698 */
	TYPE(SMIMEA, 0, F(U8), F(U8), F(U8), F(HEX)),		/* RFC 8162 */
	TYPE(HIP, N, F(HIP), F(NAMES)),				/* RFC 8005 */
	TYPE(CDS, 0, DS_FIELDS),				/* RFC 7344 */
	TYPE(CDNSKEY, 0, KEY_FIELDS),				/* RFC 7344 */
	TYPE(OPENPGPKEY, 0, F(BASE64)),				/* RFC 7929 */
	TYPE(CSYNC, 0, F(U32), F(U16), F(BITMAP)),		/* RFC 7477 */
	TYPE(ZONEMD, 0, F(U32), F(U8), F(U8), F(HEX)),		/* RFC 8976 */
	TYPE(SVCB, N | A, F(U16), F(NAME), F(SVCPARAMS)),	/* RFC 9460 */
	TYPE(HTTPS, N | A, F(U16), F(NAME), F(SVCPARAMS)),	/* RFC 9460 */
	TYPE(DSYNC, N, F(TYPE), F(U8), F(U16), F(NAME)),	/* RFC 9859 */
	TYPE(SPF, 0, F(STRINGS)),				/* RFC 7208 */
	TYPE(NID, 0, F(U16), F(LOCATOR64)),			/* RFC 6742 */
	TYPE(L32, 0, F(U16), F(IPV4)),				/* RFC 6742 */
	TYPE(L64, 0, F(U16), F(LOCATOR64)),			/* RFC 6742 */
	TYPE(LP, N, F(U16), F(NAME)),				/* RFC 6742 */
	TYPE(EUI48, 0, F(EUI48)),				/* RFC 7043 */
	TYPE(EUI64, 0, F(EUI64)),				/* RFC 7043 */
	TYPE(TKEY, M | N, F(NAME), F(TIME), F(TIME), F(U16), F(U16), F(BASE64_LEN16),
	     F(BASE64_LEN16)), /* RFC 2930 */
	TYPE(TSIG, M | N, F(NAME), F(U48), F(U16), F(BASE64_LEN16), F(U16), F(U16),
	     F(BASE64_LEN16)), /* RFC 8945 */
	TYPE(IXFR, Q, F(RAW)),
	TYPE(AXFR, Q, F(RAW)),
	TYPE(MAILB, Q, F(RAW)),
	TYPE(MAILA, Q, F(RAW)),
	TYPE(ANY, Q, F(RAW)),
	TYPE(URI, 0, F(U16), F(U16), F(TEXT)), /* RFC 7553 */
	TYPE(CAA, 0, F(U8), F(TAG), F(TEXT)),  /* RFC 8659 */
	TYPE(AVC, 0, F(STRINGS)),	       /* as TXT; IANA registration of 2016 */
	TYPE(AMTRELAY, N, F(RELAY)),	       /* RFC 8777 */
	TYPE(RESINFO, 0, F(STRINGS)),	       /* RFC 9606 */
	TYPE(WALLET, 0, F(STRINGS)),	       /* as TXT; IANA registration of 2024 */
};

/* The private-looking numbers of DNSSEC look-aside, far from all others. */
static const struct dns_type_info dlv = {DNS_TYPE_DLV, 0, {DS_FIELDS}, "DLV"}; /* RFC 4431 */
static const struct dns_type_info ta = {DNS_TYPE_TA, 0, {DS_FIELDS}, "TA"};

#define TABLE_LEN (sizeof(table) / sizeof(table[0]))

#define T(name) DNS_TYPE_##name
/* Every type of the table in the order of the mnemonics' bytes, for the search below. */
static const uint16_t by_mnemonic[] = {
	T(A),	    T(AAAA),	   T(AFSDB),   T(AMTRELAY),   T(ANY),	T(APL),	     T(AVC),
	T(AXFR),    T(CAA),	   T(CDNSKEY), T(CDS),	      T(CERT),	T(CNAME),    T(CSYNC),
	T(DHCID),   T(DLV),	   T(DNAME),   T(DNSKEY),     T(DS),	T(DSYNC),    T(EUI48),
	T(EUI64),   T(GPOS),	   T(HINFO),   T(HIP),	      T(HTTPS), T(IPSECKEY), T(ISDN),
	T(IXFR),    T(KEY),	   T(KX),      T(L32),	      T(L64),	T(LOC),	     T(LP),
	T(MAILA),   T(MAILB),	   T(MB),      T(MD),	      T(MF),	T(MG),	     T(MINFO),
	T(MR),	    T(MX),	   T(NAPTR),   T(NID),	      T(NS),	T(NSAP),     T(NSEC),
	T(NSEC3),   T(NSEC3PARAM), T(NULL),    T(OPENPGPKEY), T(OPT),	T(PTR),	     T(PX),
	T(RESINFO), T(RP),	   T(RRSIG),   T(RT),	      T(SIG),	T(SMIMEA),   T(SOA),
	T(SPF),	    T(SRV),	   T(SSHFP),   T(SVCB),	      T(TA),	T(TKEY),     T(TLSA),
	T(TSIG),    T(TXT),	   T(URI),     T(WALLET),     T(X25),	T(ZONEMD),
};

const struct dns_type_info *dns_type_find(uint16_t type)
{
	if (type < TABLE_LEN)
		return table[type].mnemonic[0] ? &table[type] : NULL;
	if (type == DNS_TYPE_DLV)
		return &dlv;
	return type == DNS_TYPE_TA ? &ta : NULL;
}

unsigned dns_type_flags(uint16_t type)
{
	const struct dns_type_info *info = dns_type_find(type);
	if (info)
		return info->flags;
	return type >= 128 && type <= 255 ? DNS_TYPE_META : 0;
}

/* <0, 0, >0 as text, in upper case, stands to the mnemonic. */
static int mnemonic_compare(const char *upper, size_t len, const char *mnemonic)
{
	int order = strncmp(upper, mnemonic, len);
	return order == 0 && mnemonic[len] ? -1 : order;
}

bool dns_type_from_text(struct span text, uint16_t *ret)
{
	char upper[DNS_TYPE_TEXT_MAX];
	if (text.len == 0 || text.len >= sizeof(upper))
		return false;
	for (size_t i = 0; i < text.len; i++) {
		uint8_t c = text.data[i];
		upper[i] = (char)(c >= 'a' && c <= 'z' ? c - ('a' - 'A') : c);
	}
	size_t low = 0, high = sizeof(by_mnemonic) / sizeof(by_mnemonic[0]);
	while (low < high) {
		size_t mid = (low + high) / 2;
		const struct dns_type_info *info = dns_type_find(by_mnemonic[mid]);
		int order = mnemonic_compare(upper, text.len, info->mnemonic);
		if (order == 0) {
			*ret = info->type;
			return true;
		}
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	uint64_t number;
	if (text.len < 5 || memcmp(upper, "TYPE", 4) != 0 ||
	    !span_to_u64(span_sub(text, 4, text.len), UINT16_MAX, &number))
		return false;
	*ret = (uint16_t)number;
	return true;
}

void dns_type_write(uint16_t type, struct writer *w)
{
	const struct dns_type_info *info = dns_type_find(type);
	if (info)
		write_text(w, info->mnemonic);
	else
		write_format(w, "TYPE%u", type);
}

const char *dns_type_format(uint16_t type, char ret[DNS_TYPE_TEXT_MAX])
{
	struct writer w = writer_of(ret, DNS_TYPE_TEXT_MAX - 1);
	dns_type_write(type, &w);
	ret[w.pos] = 0;
	return ret;
}
