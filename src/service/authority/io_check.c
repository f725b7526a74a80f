/* The check of a zone file for the command line, with the same eyes as the server's. */
#include "crypto/random.h"
#include "os/file.h"
#include "service/authority/io_loader.h"
#include "service/authority/service.h"
#include "service/authority/zone_load.h"
#include "service/authority/zonemd.h"

#include <stdlib.h>

#define FILE_MAX ((size_t)1 << 36)

struct checking {
	void (*tell)(void *arg, const struct authority_finding *f);
	void *arg;
};

static void pass_on(void *arg, const struct zone_problem *p)
{
	const struct checking *c = arg;

	c->tell(c->arg, &(struct authority_finding){
				.error = p->severity == ZONE_ERROR,
				.file = p->file,
				.line = p->line,
				.column = p->column,
				.text = p->text,
			});
}

static enum err origin_of(const char *path, const char *text, struct dns_name *ret)
{
	char *bytes = NULL;
	size_t len;

	if (text)
		return dns_name_from_text_case(span_text(text), NULL, ret);
	TRY(file_read(path, FILE_MAX, &bytes, &len));
	enum err e = zone_load_origin(span_of(bytes, len), ret);
	free(bytes);
	return e;
}

/* RFC 8976 4: a digest that is there must be right. */
static enum err check_digest(const struct checking *c, const struct zone *z,
			     struct authority_zone_summary *ret)
{
	static const char *const words[] = {"none", "unsupported", "verified", "wrong", "wrong"};
	enum zonemd_verdict verdict;

	TRY(zonemd_check(z, &verdict));
	ret->digest = words[verdict];
	if (verdict != ZONEMD_BAD_SERIAL && verdict != ZONEMD_BAD_DIGEST)
		return OK;
	ret->errors++;
	c->tell(c->arg, &(struct authority_finding){
				.error = true,
				.file = z->home->path,
				.text = verdict == ZONEMD_BAD_SERIAL
						? "ZONEMD: is of another serial than the SOA's"
						: "ZONEMD: the digest does not match the zone",
			});
	return ERR_CONFIG;
}

static void summarise(const struct zone *z, struct authority_zone_summary *ret)
{
	ret->serial = z->serial;
	ret->records = z->records;
	ret->rrsets = z->rrsets;
	ret->names = z->nodes;
	ret->denial = z->nsec_n ? "NSEC" : z->nsec3_n ? "NSEC3" : "none";
	ret->bytes = z->region_len + ((uint64_t)z->slots_mask + 1) * sizeof(struct zone_slot) +
		     z->nsec_n * sizeof(zone_ref) + z->nsec3_n * sizeof(struct zone_nsec3);
}

enum err authority_zone_check(const char *path, const char *origin, bool lenient,
			      void (*tell)(void *arg, const struct authority_finding *f), void *arg,
			      struct authority_zone_summary *ret)
{
	struct checking c = {.tell = tell, .arg = arg};
	struct zone_judge judge = {.lenient = lenient, .tell = pass_on, .arg = &c};
	AUTO(zone_unref) struct zone *z = NULL;
	char text[DNS_NAME_TEXT_MAX];
	struct dns_name name;
	uint8_t key[16];
	enum err e;

	*ret = (struct authority_zone_summary){.denial = "none", .digest = "none"};
	TRY(crypto_random(key, sizeof(key)));
	e = origin_of(path, origin, &name);
	if (e == ERR_ABSENT || (origin && e)) {
		ret->errors = 1;
		tell(arg, &(struct authority_finding){
				  .error = true,
				  .file = path,
				  .text = origin ? "the origin given is not a name"
						 : "the file does not name its zone before the "
						   "SOA; give --origin",
			  });
		return ERR_CONFIG;
	}
	TRY(e);
	size_t len = strlen(dns_name_format(&name, text));
	memcpy(ret->origin, text, len < sizeof(ret->origin) ? len + 1 : sizeof(ret->origin) - 1);
	e = loader_zone_read(
		&(struct zone_load_request){
			.origin = &name, .path = path, .key = key, .judge = &judge},
		&z);
	ret->errors = judge.errors;
	ret->warnings = judge.warnings;
	TRY(e);
	summarise(z, ret);
	return check_digest(&c, z, ret);
}
