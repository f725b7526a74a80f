#include "proto/dns/tsig.h"

#include "base/writer.h"
#include "crypto/hmac.h"
#include "proto/dns/code.h"
#include "proto/dns/message.h"
#include "proto/dns/type.h"

#define MAC_LEN_MIN 10 /* RFC 8945 5.2.2.1 */
#define ARCOUNT_AT  10

static const struct algorithm {
	enum crypto_hash_kind hash;
	const char *text;
} algorithms[] = {
	{CRYPTO_SHA256, "hmac-sha256"}, {CRYPTO_SHA384, "hmac-sha384"},
	{CRYPTO_SHA512, "hmac-sha512"}, {CRYPTO_SHA224, "hmac-sha224"},
	{CRYPTO_SHA1, "hmac-sha1"},
};

#define ALGORITHMS (sizeof(algorithms) / sizeof(algorithms[0]))

enum err dns_tsig_algorithm_from_text(struct span text, enum crypto_hash_kind *ret)
{
	if (text.len && text.data[text.len - 1] == '.')
		text.len--;
	for (size_t i = 0; i < ALGORITHMS; i++)
		if (span_equal_nocase(text, span_text(algorithms[i].text))) {
			*ret = algorithms[i].hash;
			return OK;
		}
	if (span_equal_nocase(text, span_text("hmac-md5")) ||
	    span_equal_nocase(text, span_text("hmac-md5.sig-alg.reg.int")))
		return ERR_UNSUPPORTED;
	return ERR_FORMAT;
}

const char *dns_tsig_algorithm_text(enum crypto_hash_kind algorithm)
{
	for (size_t i = 0; i < ALGORITHMS; i++)
		if (algorithms[i].hash == algorithm)
			return algorithms[i].text;
	ASSERT(false);
}

/* An algorithm's name is one label under the root. */
static void write_algorithm(struct writer *w, enum crypto_hash_kind algorithm)
{
	const char *text = dns_tsig_algorithm_text(algorithm);

	write_u8(w, (uint8_t)strlen(text));
	write_text(w, text);
	write_u8(w, 0);
}

static bool is_algorithm(const struct dns_name *name, enum crypto_hash_kind algorithm)
{
	uint8_t wire[24];
	struct writer w = writer_of(wire, sizeof(wire));

	write_algorithm(&w, algorithm);
	return span_equal(dns_name_span(name), writer_span(&w));
}

enum err dns_tsig_read(struct span message, size_t at, struct dns_tsig *ret)
{
	struct reader r = reader_of_span(message), rdata;
	struct dns_tsig t = {.at = at};

	reader_skip(&r, at);
	TRY(dns_name_read(&r, reader_of_span(message), &t.key));
	uint16_t type = read_u16(&r), class = read_u16(&r);
	uint32_t ttl = read_u32(&r);
	rdata = reader_sub(&r, read_u16(&r));
	TRY(reader_end(&r));
	if (type != DNS_TYPE_TSIG || class != DNS_CLASS_ANY || ttl != 0)
		return ERR_FORMAT;
	/* RFC 8945 4.2: the name is not compressed; a pointer in it is refused. */
	TRY(dns_name_read_plain(&rdata, &t.algorithm));
	dns_name_lower(&t.algorithm);
	t.time_s = read_u48(&rdata);
	t.fudge_s = read_u16(&rdata);
	t.mac = read_span(&rdata, read_u16(&rdata));
	t.original_id = read_u16(&rdata);
	t.error = read_u16(&rdata);
	t.other = read_span(&rdata, read_u16(&rdata));
	TRY(reader_end(&rdata));
	*ret = t;
	return OK;
}

uint16_t dns_tsig_error_of(enum dns_tsig_verdict v)
{
	switch (v) {
	case DNS_TSIG_BADKEY: return DNS_RCODE_BADKEY;
	case DNS_TSIG_BADSIG: return DNS_RCODE_BADVERS; /* the same number */
	case DNS_TSIG_BADTIME: return DNS_RCODE_BADTIME;
	case DNS_TSIG_BADTRUNC: return DNS_RCODE_BADTRUNC;
	default: return 0;
	}
}

/* --- the digest, RFC 8945 4.3 --- */

struct variables {
	uint16_t id, arcount; /* as they stood when the message was signed */
	uint64_t time_s;
	uint16_t fudge_s, error;
	struct span other;
};

static void add_message(struct crypto_hmac *h, struct span message, const struct variables *v)
{
	uint8_t head[DNS_HEADER_LEN];
	struct writer w = writer_of(head, sizeof(head));

	write_u16(&w, v->id);
	write_span(&w, span_sub(message, 2, ARCOUNT_AT - 2));
	write_u16(&w, v->arcount);
	crypto_hmac_add(h, writer_span(&w));
	crypto_hmac_add(h, span_sub(message, DNS_HEADER_LEN, message.len));
}

/* RFC 8945 4.3.3, and 5.3.1 for later messages of a stream. */
static void add_variables(struct crypto_hmac *h, const struct dns_tsig_key *key,
			  const struct variables *v, bool timers_only)
{
	uint8_t buf[DNS_NAME_MAX + 64];
	struct writer w = writer_of(buf, sizeof(buf));

	if (!timers_only) {
		write_span(&w, dns_name_span(&key->name));
		write_u16(&w, DNS_CLASS_ANY);
		write_u32(&w, 0);
		write_algorithm(&w, key->algorithm);
	}
	write_u48(&w, v->time_s);
	write_u16(&w, v->fudge_s);
	if (!timers_only) {
		write_u16(&w, v->error);
		write_u16(&w, (uint16_t)v->other.len);
	}
	crypto_hmac_add(h, writer_span(&w));
	if (!timers_only)
		crypto_hmac_add(h, v->other);
}

/* message: without the record. */
static void make_mac(struct span message, const struct dns_tsig_key *key,
		     const struct dns_tsig_chain *chain, const struct variables *v,
		     uint8_t ret[CRYPTO_HASH_LEN_MAX])
{
	struct crypto_hmac h;
	uint8_t len[2];

	crypto_hmac_init(&h, key->algorithm, secret_span(&key->secret));
	if (chain->prior_mac.len) {
		put_u16(len, (uint16_t)chain->prior_mac.len);
		crypto_hmac_add(&h, span_of(len, sizeof(len)));
		crypto_hmac_add(&h, chain->prior_mac);
	}
	add_message(&h, message, v);
	add_variables(&h, key, v, chain->timers_only);
	crypto_hmac_end(&h, ret);
}

/* --- verifying --- */

enum dns_tsig_verdict dns_tsig_verify(struct span message, const struct dns_tsig *t,
				      const struct dns_tsig_key *key,
				      const struct dns_tsig_chain *chain, uint64_t now_s)
{
	struct dns_header header;
	uint8_t mac[CRYPTO_HASH_LEN_MAX];
	size_t len = crypto_hash_len(key->algorithm);

	if (!is_algorithm(&t->algorithm, key->algorithm))
		return DNS_TSIG_BADKEY;
	/* RFC 8945 5.2.2.1: longer than the hash, or shorter than 10 octets or half of it. */
	if (t->mac.len > len || t->mac.len < MAC_LEN_MIN || t->mac.len < len / 2)
		return DNS_TSIG_FORMERR;
	if (dns_header_read(message, &header) || header.arcount == 0 || t->at > message.len)
		return DNS_TSIG_FORMERR;
	make_mac(span_sub(message, 0, t->at), key, chain,
		 &(struct variables){
			 .id = t->original_id,
			 .arcount = (uint16_t)(header.arcount - 1),
			 .time_s = t->time_s,
			 .fudge_s = t->fudge_s,
			 .error = t->error,
			 .other = t->other,
		 },
		 mac);
	if (!crypto_equal(t->mac, span_of(mac, t->mac.len)))
		return DNS_TSIG_BADSIG;
	uint64_t apart = now_s > t->time_s ? now_s - t->time_s : t->time_s - now_s;
	if (apart > t->fudge_s)
		return DNS_TSIG_BADTIME;
	return t->mac.len < len ? DNS_TSIG_BADTRUNC : DNS_TSIG_GOOD;
}

/* --- signing --- */

struct record {
	const struct dns_name *key;
	struct span algorithm, mac, other;
	uint64_t time_s;
	uint16_t fudge_s, original_id, error;
};

static size_t append(uint8_t *buf, size_t len, size_t cap, const struct record *rec)
{
	struct writer w = writer_of(buf, cap);
	struct reader r = reader_of(buf + ARCOUNT_AT, 2);
	uint16_t arcount = read_u16(&r);

	w.pos = len;
	write_span(&w, dns_name_span(rec->key));
	write_u16(&w, DNS_TYPE_TSIG);
	write_u16(&w, DNS_CLASS_ANY);
	write_u32(&w, 0);
	size_t length_at = writer_reserve(&w, 2);
	write_span(&w, rec->algorithm);
	write_u48(&w, rec->time_s);
	write_u16(&w, rec->fudge_s);
	write_u16(&w, (uint16_t)rec->mac.len);
	write_span(&w, rec->mac);
	write_u16(&w, rec->original_id);
	write_u16(&w, rec->error);
	write_u16(&w, (uint16_t)rec->other.len);
	write_span(&w, rec->other);
	writer_fill_u16(&w, length_at);
	if (w.bad || arcount == UINT16_MAX)
		return 0;
	put_u16(buf + ARCOUNT_AT, (uint16_t)(arcount + 1));
	return w.pos;
}

static size_t sign(uint8_t *buf, size_t len, size_t cap, const struct dns_tsig_sign *s,
		   uint16_t original_id, uint8_t *ret_mac)
{
	uint8_t mac[CRYPTO_HASH_LEN_MAX], algorithm[24], time[6];
	struct writer a = writer_of(algorithm, sizeof(algorithm)),
		      t = writer_of(time, sizeof(time));
	struct reader r = reader_of(buf + ARCOUNT_AT, 2);
	struct record rec = {.key = &s->key->name,
			     .time_s = s->time_s,
			     .fudge_s = DNS_TSIG_FUDGE_S,
			     .original_id = original_id,
			     .error = s->error};

	ASSERT(len >= DNS_HEADER_LEN && len <= cap);
	write_algorithm(&a, s->key->algorithm);
	rec.algorithm = writer_span(&a);
	if (s->error == DNS_RCODE_BADTIME) { /* RFC 8945 5.2.3: the server's clock, 6 octets */
		write_u48(&t, s->other_time_s);
		rec.other = writer_span(&t);
	}
	make_mac(span_of(buf, len), s->key, &s->chain,
		 &(struct variables){.id = original_id,
				     .arcount = read_u16(&r),
				     .time_s = rec.time_s,
				     .fudge_s = rec.fudge_s,
				     .error = rec.error,
				     .other = rec.other},
		 mac);
	rec.mac = span_of(mac, crypto_hash_len(s->key->algorithm));
	len = append(buf, len, cap, &rec);
	if (len && ret_mac)
		memcpy(ret_mac, mac, rec.mac.len);
	return len;
}

size_t dns_tsig_sign(uint8_t *buf, size_t len, size_t cap, const struct dns_tsig_sign *s,
		     uint8_t *ret_mac)
{
	ASSERT(len >= DNS_HEADER_LEN);
	return sign(buf, len, cap, s, (uint16_t)(buf[0] << 8 | buf[1]), ret_mac);
}

/* --- servers --- */

enum dns_tsig_verdict dns_tsig_check(struct span message, size_t tsig_at, dns_tsig_find *find,
				     const void *arg, uint64_t now_s, struct dns_tsig_reply *ret)
{
	static const struct dns_tsig_chain request = {.timers_only = false};
	const struct dns_tsig_key *key;
	struct dns_tsig t;

	ret->present = false;
	ret->verdict = DNS_TSIG_GOOD;
	ret->key = NULL;
	ret->later = false;
	ret->mac_len = 0;
	if (tsig_at == 0)
		return DNS_TSIG_GOOD;
	if (dns_tsig_read(message, tsig_at, &t))
		return ret->verdict = DNS_TSIG_FORMERR;
	key = find(arg, &t.key);
	ret->verdict = key ? dns_tsig_verify(message, &t, key, &request, now_s) : DNS_TSIG_BADKEY;
	if (ret->verdict == DNS_TSIG_FORMERR)
		return ret->verdict;
	ret->present = true;
	ret->name = t.key;
	ret->algorithm = t.algorithm;
	ret->request_time_s = t.time_s;
	ret->fudge_s = t.fudge_s;
	ret->original_id = t.original_id;
	/* RFC 8945 5.3.2: an answer to what was not proved is not signed. */
	if (ret->verdict == DNS_TSIG_BADKEY || ret->verdict == DNS_TSIG_BADSIG)
		return ret->verdict;
	ret->key = key;
	struct writer w = writer_of(ret->mac, sizeof(ret->mac));
	write_span(&w, t.mac); /* it fits: dns_tsig_verify bounds it by the hash */
	ret->mac_len = (uint8_t)w.pos;
	return ret->verdict;
}

size_t dns_tsig_reply_len(const struct dns_tsig_reply *r)
{
	if (!r->present)
		return 0;
	return (size_t)r->name.len + 10 + r->algorithm.len + 16 +
	       (r->key ? crypto_hash_len(r->key->algorithm) : 0) +
	       (r->verdict == DNS_TSIG_BADTIME ? 6 : 0);
}

size_t dns_tsig_reply_sign(struct dns_tsig_reply *r, uint8_t *buf, size_t len, size_t cap,
			   uint64_t now_s)
{
	if (!r->present)
		return len;
	if (!r->key)
		return append(buf, len, cap,
			      &(struct record){
				      .key = &r->name,
				      .algorithm = dns_name_span(&r->algorithm),
				      .time_s = r->request_time_s,
				      .fudge_s = r->fudge_s,
				      .original_id = r->original_id,
				      .error = dns_tsig_error_of(r->verdict),
			      });
	struct dns_tsig_sign s = {
		.key = r->key,
		.chain = {.prior_mac = span_of(r->mac, r->mac_len), .timers_only = r->later},
		/* RFC 8945 5.2.3: the client's own time back, so that it can verify this. */
		.time_s = r->verdict == DNS_TSIG_BADTIME ? r->request_time_s : now_s,
		.error = dns_tsig_error_of(r->verdict),
		.other_time_s = now_s,
	};
	len = sign(buf, len, cap, &s, r->original_id, r->mac);
	r->mac_len = (uint8_t)crypto_hash_len(r->key->algorithm);
	r->later = true;
	return len;
}
