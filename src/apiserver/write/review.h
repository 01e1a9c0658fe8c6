/* SPDX-License-Identifier: Apache-2.0 */
#pragma once

/*
 * Questions about access: SelfSubjectReview (`kubectl auth whoami`), the SubjectAccessReviews
 * (`kubectl auth can-i`), SelfSubjectRulesReview (`can-i --list`), TokenReview, and TokenRequest,
 * the subresource token of a ServiceAccount (`kubectl create token`). They are created as objects
 * are, but nothing is stored: the object comes back with its status filled in.
 */

#include "apiserver/request.h"

/* For the create of any kind that is only answered (no storage). */
int review_start(struct request *req);
/* serviceaccounts/token. */
int review_token_request(struct request *req);
