#include "services/order/api/contact_form.hpp"

namespace agora::order {

Edit<AddressEdit> address_of(const json::Change<AddressForm>& form) {
  Edit<AddressEdit> edit{.given = form.given};
  if (!form.value) return edit;
  const auto& f = *form.value;
  // In the order of kAddressFields.
  edit.value = AddressEdit{text_of(f.name),   text_of(f.line1),       text_of(f.line2),   text_of(f.city),
                           text_of(f.region), text_of(f.postal_code), text_of(f.country), text_of(f.phone)};
  return edit;
}

ContactEdit contact_of(const ContactForm& form) {
  return {text_of(form.email), address_of(form.shipping_address), address_of(form.billing_address)};
}

}  // namespace agora::order
