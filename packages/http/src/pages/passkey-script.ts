/**
 * Asks the browser for a passkey and sends its answer with the form; the one script of our pages, allowed by its hash.
 * Nothing is fetched: what the browser is asked stands in the form. Where the browser cannot read it, the page says so.
 */
export const passkeyScript = `'use strict';
const form = document.querySelector('form[data-passkey]');
const said = document.getElementById('passkey-problem');
form.hidden = false;
form.querySelector('button').addEventListener('click', async () => {
  said.textContent = '';
  try {
    const options = JSON.parse(form.dataset.passkey);
    const credential = form.dataset.ceremony === 'create'
      ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(options) })
      : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(options) });
    form.elements.passkey.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    said.textContent = error.name === 'NotAllowedError'
      ? 'The browser was told no, or waited too long. Try again.'
      : error.name === 'InvalidStateError'
        ? 'This passkey is added already.'
        : 'This browser could not use a passkey here.';
  }
});`;
