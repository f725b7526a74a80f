/* The authority of TLS inspection as a file in the service's own directory: made at its first use,
 * read at each start, replaced when somebody says so. Of the main thread. The key never leaves that
 * file and this process.
 */
#ifndef FORWARD_PROXY_IO_AUTHORITY_H
#define FORWARD_PROXY_IO_AUTHORITY_H

#include "base/err.h"

#include <stdbool.h>

struct control_reply;
struct control_request;
struct forward_proxy;
struct inspect_authority;

/* state: the service's own directory. anew: another one, even if there is one. What is wrong is
 * logged. */
MUST enum err forward_authority_open(const char *state, const char *called, bool anew,
				     struct inspect_authority **ret);

/* GET /authority, POST /authority/rotate, GET /inspection. */
void forward_authority_show(void *arg, const struct control_request *req,
			    struct control_reply *reply);
void forward_authority_rotate(void *arg, const struct control_request *req,
			      struct control_reply *reply);
void forward_inspection_show(void *arg, const struct control_request *req,
			     struct control_reply *reply);

#endif
