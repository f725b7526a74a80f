/* How much may be moved in a day, a week or a month, as the configuration has it. Knows no request.
 */
#ifndef FORWARD_PROXY_ACCESS_CONF_QUOTA_H
#define FORWARD_PROXY_ACCESS_CONF_QUOTA_H

#include "config/schema.h"

struct arena;
struct quotas;

struct forward_quota_conf {
	const char *name;
	struct config_list from;	  /* struct ip_prefix */
	struct config_list groups, users; /* const char * */
	int by;				  /* enum quota_by */
	uint64_t bytes, down, up;	  /* 0: no limit */
	int every;			  /* enum period_every */
	const char *at;			  /* "06:00" */
	int weekday;			  /* 0 is Monday */
	uint8_t day;			  /* of the month */
	bool has_weekday, has_day, has_rate;
	int then; /* enum quota_then */
	uint64_t rate;
};

extern const struct config_map forward_quota_map;

/* Compiles a list of them into ret, which points into it and into a; its zone stays as it is.
 * ENOMEM. */
MUST enum err forward_quotas(struct arena *a, const struct config_list *list, struct quotas *ret);

#endif
