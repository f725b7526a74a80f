/* The lab's own certificate authority, and certificates of it for servers on its hosts. Knows no
 * topology but a host's name. */
#ifndef LAB_CERTIFICATE_H
#define LAB_CERTIFICATE_H

#include "base/err.h"
#include "lab/network.h"

/* What every host may read, to believe servers of the lab. */
#define LAB_AUTHORITY LAB_FOLDER "/authority.pem"

/* Makes an authority for this name and what is below it, which is kept nowhere, and writes
 * LAB_AUTHORITY and the host's NAME.pem and NAME.key: for one host of the lab. */
MUST enum err lab_certificate_make(const char *host, const char *name);

#endif
