/* Any text as a zone file; included files are the same text again, one level deep. */
#include "proto/dns/rdata.h"
#include "proto/dns/zonefile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* $GENERATE makes a million records of a line: enough is enough. */
#define RESULTS_MAX 2000

static uint8_t scratch[DNS_ZONEFILE_SCRATCH];

static void check_record(const struct dns_zonefile_record *r)
{
	ASSERT(dns_name_wire_len(dns_name_span(r->owner)) == r->owner->len);
	ASSERT(dns_name_equal_nocase(dns_name_span(r->owner), dns_name_span(r->owner_case)));
	ASSERT(dns_rdata_check(r->type, r->rdata) == OK);
	ASSERT(r->ttl_s <= DNS_ZONEFILE_TTL_MAX);
	ASSERT(!(dns_type_flags(r->type) & DNS_TYPE_META));
}

static void run(struct dns_zonefile *z, struct span text, struct dns_zonefile *nested,
		unsigned *results)
{
	struct dns_zonefile_record r;
	uint32_t line = 1;
	while (++*results < RESULTS_MAX) {
		switch (dns_zonefile_next(z, &r)) {
		case DNS_ZONEFILE_RECORD:
			ASSERT(r.line >= line);
			line = r.line;
			check_record(&r);
			break;
		case DNS_ZONEFILE_ERROR:
			ASSERT(r.line && r.column && r.message[0]);
			ASSERT(strlen(r.message) < DNS_ZONEFILE_MESSAGE_MAX);
			break;
		case DNS_ZONEFILE_INCLUDE:
			ASSERT(r.path.len);
			if (!nested)
				break;
			dns_zonefile_init_nested(nested, z, text, r.origin);
			run(nested, text, NULL, results);
			dns_zonefile_leave_nested(z, nested);
			break;
		case DNS_ZONEFILE_END: return;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct dns_zonefile z, nested;
	static const struct dns_name origin = {.len = 9, .wire = "\7Example"};
	struct span text = span_of(data, size);
	unsigned results = 0;
	dns_zonefile_init(&z, text, &origin, scratch, sizeof(scratch));
	run(&z, text, &nested, &results);
	return 0;
}
