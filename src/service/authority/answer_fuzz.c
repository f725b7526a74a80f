/* Any octets as a query against a signed zone: the answer, if any, must be a message within its
 * bound. */
#include "proto/dns/message.h"
#include "proto/ip/address.h"
#include "service/authority/answer.h"
#include "service/authority/zone_load.h"
#include "service/authority/zone_text_test.h"
#include "service/authority/zones.h"

#include <stdlib.h>

static const uint8_t key[16] = "fuzz";

static enum err text_open(void *arg, struct span path, const char *from, struct zone_text **ret)
{
	(void)path;
	(void)from;
	*ret = arg;
	return OK;
}

static void text_close(void *arg, struct zone_text *t)
{
	(void)arg;
	(void)t;
}

static struct zone *load(const char *file, const char *origin)
{
	char path[512];
	(void)snprintf(path, sizeof(path), "%s/%s", ZONE_FOLDER, file);
	char *bytes = zone_text_read(path);
	struct zone_text text = {.text = span_text(bytes), .path = path};
	struct zone_source source = {.open = text_open, .close = text_close, .arg = &text};
	struct zone_judge judge = {.lenient = true};
	struct dns_name name;
	struct zone *z = NULL;

	if (dns_name_from_text(span_text(origin), NULL, &name) ||
	    zone_load(&(struct zone_load_request){.origin = &name,
						  .path = path,
						  .key = key,
						  .source = &source,
						  .judge = &judge},
		      &z))
		abort();
	free(bytes);
	return z;
}

static struct zones *make(void)
{
	struct zones *set = NULL;
	static const char *const files[] = {"rfc5155-a.zone", "fuzz-corners.zone"},
				 *const origins[] = {"example.", "corners."};

	if (zones_new(key, 2, 1, &set))
		abort();
	for (unsigned i = 0; i < 2; i++) {
		struct zone *z = load(files[i], origins[i]);
		if (zones_add(set, &z->origin, z, NULL, 0))
			abort();
	}
	return set;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct zones *set; /* why-global: made once for all inputs */
	static const struct answer_config conf = {.edns_size = 1232,
						  .round_robin = true,
						  .cookies = true,
						  .identity_len = 3,
						  .identity = "ns1",
						  .version = "1"};
	static const struct ip_address client = {.family = 4, .bytes = {192, 0, 2, 1}};
	uint8_t out[ANSWER_TCP_MAX];

	if (!set)
		set = make();
	for (unsigned tcp = 0; tcp < 2; tcp++) {
		struct answer_input in = {.packet = span_of(data, size),
					  .client = &client,
					  .tcp = tcp,
					  .now_s = 1800000000,
					  .random = size ? data[size - 1] * 16777216u : 0};
		struct answer_facts facts;
		struct dns_message m;
		size_t len = answer_make(set, &conf, &in, out, tcp ? sizeof(out) : ANSWER_UDP_MAX,
					 &facts);
		if (len && (dns_message_read(span_of(out, len), &m) || (!tcp && len > 1232)))
			abort();
	}
	return 0;
}
